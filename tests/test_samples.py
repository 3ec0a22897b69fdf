"""The sample files of a village: each is taken by the very command that the README gives for it."""

import re
from pathlib import Path

from tests.villagers import VILLAGE, ask, command
from tests.world import World

ROOT = Path(__file__).parent.parent
SAID = re.findall(r'make flask ARGS="villages (\w+) (data/samples/\w+\.csv)([^"]*)"', (ROOT / "README.md").read_text())


def test_the_readme_names_every_sample_and_each_is_taken(world: World, tmp_path: Path) -> None:
    assert {file for _, file, _ in SAID} == {f"data/samples/{path.name}" for path in ROOT.glob("data/samples/*.csv")}
    for what, file, more in SAID:
        slips = [str(tmp_path / Path(word).name) if word.endswith("slips.csv") else word for word in more.split()]
        ran = command(world, what, str(ROOT / file), *slips)
        assert ran.exit_code == 0, (file, ran.output)
    assert world.one("SELECT count(*) FROM invitations") == 2
    assert ask(world, "CEK", "+6281200000013").startswith("TANI1 "), "a leader of the samples is answered"
    assert world.one("SELECT count(*) FROM helpers WHERE village_code = :village", village=VILLAGE) == 2
