"""What members say of where they live, whom of the village they let know it, and who looked."""

from insurance import named as named_members
from insurance import places, villages
from models import Worker
from sms.inbound import NO, YES, Inbound, say_help
from texts import FIRST_LANGUAGE
from units.month import day_text

LOOKS_SHOWN_MAX = 999


def _alone(inbound: Inbound) -> Worker | None:
    """The one trusted member of this number; to all others it is said what to do."""
    if not inbound.workers:
        say_help(inbound)
    elif len(inbound.workers) > 1:
        inbound.answer("place_many")
    elif not inbound.trusted:
        inbound.answer("status_doubted")
    else:
        return inbound.trusted[0]
    return None


def neighbourhood(inbound: Inbound) -> None:
    """`RT 003/005`."""
    if (worker := _alone(inbound)) is None:
        return
    rt_rw = places.read_rt_rw("".join(inbound.words[1:]))
    if not rt_rw:
        inbound.answer("place_how")
        return
    worker.rt_rw = rt_rw
    inbound.answer("place_set", place=f"RT {rt_rw}")


def group(inbound: Inbound) -> None:
    """`KELOMPOK TANI1`, by the code its leader gives."""
    if (worker := _alone(inbound)) is None:
        return
    code = "".join(inbound.words[1:])
    if not code or not places.has_group(inbound.work, worker.village_code, code):
        inbound.answer("group_how")
        return
    worker.group_code = code
    inbound.answer("place_set", place=code)


def who_looked(inbound: Inbound) -> None:
    """`SIAPA`: how often the village's counts were looked at and by whom, and whether this member was named."""
    if (worker := _alone(inbound)) is None:
        return
    times, last = villages.looks_at(inbound.work, worker)
    if last is None:
        inbound.answer("looked_never", count=str(villages.LOOKS_DAYS))
        return
    named = inbound.line("looked_named", date=day_text(worker.named_on)) if worker.named_on else ""
    count, count2 = (str(min(times.get(role, 0), LOOKS_SHOWN_MAX)) for role in (villages.HEAD, villages.LEADER))
    days = str(villages.LOOKS_DAYS)
    inbound.answer("looked", days=days, count=count, count2=count2, date=day_text(last), named=named)


def named(inbound: Inbound) -> None:
    """`NAMA` asks, `NAMA YA 482913` agrees by the code that was asked with, `NAMA TIDAK` takes it back."""
    if (worker := _alone(inbound)) is None:
        return
    work, said = inbound.work, inbound.words[1:]
    if said[:1] and said[0] in NO:
        # Without a question: what is taken back needs none.
        named_members.take_back(work, worker)
        inbound.answer("named_no")
        return
    try:
        if said[:1] and said[0] in YES:
            agreed = named_members.agree(work, worker, "".join(said[1:]), inbound.phone, inbound.key)
            inbound.answer("named_yes" if agreed else "named_wrong")
        else:
            inbound.answer(named_members.ASK, language=FIRST_LANGUAGE, otp=named_members.code(work, worker, work.today))
    except named_members.NamesOff:
        inbound.answer("named_off")
