"""Parts of a village as people write them and as counters name them: an RT with its RW, an RW, a group."""

import re

from insurance.work import Work
from models import VillageGroup

_RT_RW = re.compile(r"(?:RT)?0*([0-9]{1,3})(?:[/.\-]|(?=RW))(?:RW)?0*([0-9]{1,3})")
_RW = re.compile(r"RW0*([0-9]{1,3})")
_GROUP = re.compile(r"[A-Z][A-Z0-9]{1,6}")


def read_rt_rw(typed: str) -> str:
    """`003/005` of `3/5`, `RT 003 / RW 005`, `RT 3 RW 5` and the like; empty where it is none."""
    found = _RT_RW.fullmatch(re.sub(r"\s", "", typed.upper()))
    return f"{int(found[1]):03}/{int(found[2]):03}" if found and int(found[1]) and int(found[2]) else ""


def read_place(typed: str) -> str | None:
    """`RT 3/5`, `RW 5` or a group's code as the counters name them, `r003/005`; empty for the whole village.

    None where it is neither; whether there is such a group is not asked.
    """
    words = re.sub(r"\s", "", typed.upper())
    if rt_rw := read_rt_rw(words):
        return f"r{rt_rw}"
    if found := _RW.fullmatch(words):
        return f"w{int(found[1]):03}"
    if not words:
        return ""
    return f"g{words}" if _GROUP.fullmatch(words) else None


def has_group(work: Work, village_code: str, code: str) -> bool:
    return work.db.get(VillageGroup, (village_code, code)) is not None
