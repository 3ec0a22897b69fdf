"""What the two rounds with banks, asking mandates and collecting, decide alike."""

# SNAP: HTTP 401 whatever the service and case (programme.md 3.5): signature, client or token. The next request to that
# bank would be refused the same way; any other fault of ours is that of one request.
CREDENTIALS = "401"
