"""What a process that answers calls does not load: memory is bounded there (docs/bench.md)."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OTHERS = ("rich", "rapidfuzz", "holidays", "alembic", "procrastinate", "smpplib")


def test_a_process_that_answers_calls_does_not_load_what_only_others_need() -> None:
    asked = f"import app, sys; print(*[name for name in {OTHERS!r} if sys.modules.get(name)])"
    # Rich is to be had all the same, by the commands that draw tables.
    asked += "\nfrom commands.tables import make_table\nmake_table('a title', 'a column')"
    ran = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, "")
