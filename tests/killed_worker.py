"""`python -m tests.killed_worker MOMENT`: a worker that collects all that is due, to be killed by its test at will.

It is told the settings by the environment and the time by MOMENT, which the sandbox was told as well.
"""

import sys
from datetime import date, datetime

from app import create_app
from autodebit.collect import collect
from banks.connect import connect_banks
from banks.settings import load_banks
from config import load


def main() -> None:
    moment = datetime.fromisoformat(sys.argv[1])
    settings = load()
    assert settings.BANKS_FILE
    banks = connect_banks(load_banks(settings.BANKS_FILE), lambda: moment)
    app = create_app(settings, clock=lambda: moment, banks=banks)
    collect(app.extensions["ports"], date(2026, 12, 1))


if __name__ == "__main__":
    main()
