#!/bin/sh
# Fetches the two libraries of the browser from the npm registry, each checked against the hash that is pinned here.
set -eu
cd "$(dirname "$0")/static/vendor"
take() { # name, version, SHA-512 as the registry gives it, then the files of the package that we keep
  name=$1 version=$2 integrity=$3
  shift 3
  folder=$(mktemp -d)
  npm pack --silent --pack-destination "$folder" "$name@$version" >/dev/null
  found="sha512-$(openssl dgst -sha512 -binary "$folder"/*.tgz | openssl base64 -A)"
  [ "$found" = "$integrity" ] || { echo "$name@$version is not what was pinned: $found" >&2; exit 1; }
  tar -xzf "$folder"/*.tgz -C "$folder"
  for file in "$@"; do cp "$folder/package/$file" .; done
  cp "$folder/package/LICENSE" "$name.LICENSE.txt"
  rm -r "$folder"
}
take htmx.org 2.0.11 sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA== dist/htmx.min.js
take uplot 1.6.32 sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw== dist/uPlot.iife.min.js dist/uPlot.min.css
sha256sum -- *.js *.css > SHA256SUMS
