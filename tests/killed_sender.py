"""`python -m tests.killed_sender MOMENT`: a sender of all texts that are due, to be killed by its test at will."""

import sys
from datetime import datetime

from app import create_app
from config import load
from sms.sender import drain


def main() -> None:
    moment = datetime.fromisoformat(sys.argv[1])
    app = create_app(load(), clock=lambda: moment)
    drain(app.extensions["ports"])


if __name__ == "__main__":
    main()
