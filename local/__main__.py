"""`python -m local` runs everything; `python -m local env` prints the running stack's settings; nothing else."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="Run Iuran on this machine (sandbox).")
    parser.add_argument("command", nargs="?", choices=("run", "env"), default="run")
    parser.add_argument("--var", type=Path, default=Path(__file__).resolve().parents[1] / "var", help="data folder")
    given = parser.parse_args()
    # Imported late, so that Ctrl-C during the imports ends without a traceback.
    from config import ConfigError
    from local.process import LocalError
    from local.stack import note_of, run

    var = given.var.absolute()
    try:
        if given.command == "env":
            print(note_of(var), end="")
        else:
            run(var)
    except (LocalError, ConfigError) as error:
        print(error, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"{error.filename} is not ours to open: was Iuran first run here by another user?", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
