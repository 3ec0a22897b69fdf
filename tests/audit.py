"""`python -m tests.audit`: known weaknesses in what the product is built on; says so where nobody here can know."""

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_PATIENCE_S = 120
_COMMAND = ("-r", "requirements.txt", "--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json")


def verdict(report: str) -> tuple[int, str]:
    """Exit code and one line for pip-audit's JSON; nothing that could be looked up is a reason, not an all-clear."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, "audit skipped: the data of known weaknesses cannot be reached from here"
    looked_up = [one for one in packages if "skip_reason" not in one]
    weak = [f"{one['name']} {one['version']}: {known['id']}" for one in looked_up for known in one["vulns"]]
    if weak:
        return 1, "known weaknesses: " + "; ".join(weak)
    if not looked_up:
        return 0, f"audit skipped: none of {len(packages)} packages is known to the index that is reachable from here"
    return 0, f"audit: {len(looked_up)} of {len(packages)} packages looked up, no known weakness"


def main() -> int:
    try:
        command = (sys.executable, "-m", "pip_audit", *_COMMAND)
        report = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_PATIENCE_S).stdout
    except subprocess.TimeoutExpired:
        report = ""
    code, said = verdict(report)
    sys.stdout.write(f"{said}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
