"""What members say of where they live, whom of the village they let know it, and who looked."""

from datetime import timedelta

from insurance import named as named_members
from insurance import villages
from insurance.consent import Yes
from models import Worker
from sms.inbound import NO, YES, Inbound, say_help
from texts import FIRST_LANGUAGE
from units.month import day_text

_ASK = "named_ask"
_ASKED_FOR = timedelta(hours=24)


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
    rt_rw = villages.read_rt_rw("".join(inbound.words[1:]))
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
    if not code or not villages.has_group(inbound.work, worker.village_code, code):
        inbound.answer("group_how")
        return
    worker.group_code = code
    inbound.answer("place_set", place=code)


def who_looked(inbound: Inbound) -> None:
    """`SIAPA`: how often the village's counts were looked at, and whether this member was named."""
    if (worker := _alone(inbound)) is None:
        return
    times, last = villages.looks_at(inbound.work, worker)
    if last is None:
        inbound.answer("looked_never", count=str(villages.LOOKS_DAYS))
        return
    named = inbound.line("looked_named", date=day_text(worker.named_on)) if worker.named_on else ""
    days = str(villages.LOOKS_DAYS)
    inbound.answer("looked", days=days, count=str(min(times, 999)), date=day_text(last), named=named)


def named(inbound: Inbound) -> None:
    """`NAMA` asks, `NAMA YA` agrees to what it asked, `NAMA TIDAK` takes it back."""
    if (worker := _alone(inbound)) is None:
        return
    work, texts = inbound.work, inbound.work.texts
    said = inbound.words[1] if len(inbound.words) > 1 else ""
    if said in NO:
        # Without a question: what is taken back needs none.
        named_members.take_back(work, worker)
        inbound.answer("named_no")
        return
    try:
        # A yes to what was never asked, or not lately, is none.
        asked = inbound.earlier(_ASKED_FOR)[1] == inbound.words[:1]
        if said in YES and asked:
            # What no native reader signed carries no consent (rulings 14).
            words = texts.sms(_ASK, FIRST_LANGUAGE, {"code": work.settings.USSD_CODE})
            version, session = texts.sms_version(_ASK, FIRST_LANGUAGE), work.keys.index("session", inbound.key).hex()
            yes = Yes("named", version, FIRST_LANGUAGE, words, session, inbound.phone, "sms")
            named_members.agree(work, worker, yes)
            inbound.answer("named_yes")
        else:
            named_members.check_on(work)
            inbound.answer(_ASK, language=FIRST_LANGUAGE)
    except named_members.NamesOff:
        inbound.answer("named_off")
