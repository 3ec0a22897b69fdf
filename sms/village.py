"""What heads of villages and leaders of their parts may ask by SMS: counts, how to join, who comes after them.

Never a balance, a NIK, an account or a small group; a number that heads nothing gets help and learns nothing.
"""

import re
from collections.abc import Callable, Mapping

from insurance import named, places, successions, villages
from insurance.small_cells import OTHER
from insurance.villages import Shown, VillageCounts
from insurance.work import Work
from models import Head
from sms.inbound import NO, YES, Inbound, say_help
from texts import TooLong
from texts.longest import VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten
from units.month import day_text
from units.phone import NotAPhone, canonical_phone

_YES_NO = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)

# As long as texts.longest says that a status may be.
STATUS_SEPTETS_MAX = 80

_RT = re.compile(r"(?:RT)?0*([0-9]{1,3})")
Answer = Callable[[Inbound, Head, VillageCounts, str], None]


def check(inbound: Inbound) -> None:
    """`CEK`, `CEK RT 003/005`, `CEK RT 3`, `CEK RW 5`, `CEK TANI1`."""
    _of_each_place(inbound, "check", _answer_counts)


def behind(inbound: Inbound) -> None:
    """`MENUNGGAK`, and of a part as with CEK: how many owe a month whose day is past, and in which RT."""
    _of_each_place(inbound, "behind", _answer_behind)


def _of_each_place(inbound: Inbound, why: str, answer: Answer) -> None:
    """Answers of what was named, in each village that this number heads; a leader of a part, of that part."""
    if not inbound.heads:
        say_help(inbound)
        return
    try:
        villages.refresh(inbound.work, {head.village_code for head in inbound.heads})
    except villages.StillCounting:
        inbound.answer("check_wait")
        return
    wanted = "".join(inbound.words[1:])
    for head in inbound.heads:
        counts = villages.counts(inbound.work, head.village_code)
        found = [head.place] if head.place else _places(inbound.work, head, counts, wanted)
        if not found:
            inbound.answer("check_unknown", f":{head.id}")
        elif len(found) > 1:
            # Every RW has its own RT of that number.
            listed = ", ".join(place[1:] for place in found)
            inbound.answer("check_which", f":{head.id}", status=shorten(listed, STATUS_SEPTETS_MAX))
        else:
            villages.looked(inbound.work, head, found[0], why)
            answer(inbound, head, counts, found[0])


def _places(work: Work, head: Head, counts: VillageCounts, wanted: str) -> list[str]:
    """The places of this village that the words may mean; the village itself where there were none."""
    place = places.read_place(wanted)
    if place is not None and (not place.startswith("g") or places.has_group(work, head.village_code, place[1:])):
        return [place]
    if found := _RT.fullmatch(wanted):
        rt = f"{int(found[1]):03}"
        return [f"r{name}" for name in counts.neighbourhoods if name[:3] == rt]
    return []


def _answer_counts(inbound: Inbound, head: Head, counts: VillageCounts, place: str) -> None:
    kind, facts = counted(inbound.work, inbound.language, head, counts, place)
    inbound.answer(kind, f":{head.id}", **facts)


def counted(work: Work, language: str, head: Head, counts: VillageCounts, place: str) -> tuple[str, Mapping[str, str]]:
    """The kind of the text and its facts: for an answer, and for Monday's digest."""
    shown, facts = counts.shown(place), _facts(work, head, place)
    if shown.is_hidden:
        return "check_few", {**facts, "count": str(work.settings.SMALL_CELL_MIN)}
    line = work.texts.line
    facts["enrolled"] = str(shown.enrolled)
    facts["joined"] = line("group.joined", language, count=str(shown.joined)) if shown.joined else ""
    if not shown.groups:
        return "check_small", facts
    said = [line(f"group.{group}", language, count=str(count)) for group, count in shown.groups.items()]
    facts["status"] = ", ".join(said)
    try:
        work.texts.sms("check", language, facts)
    except TooLong:
        # Of a village of tens of thousands; who is new is the least of it.
        facts["joined"] = ""
    return "check", facts


def _facts(work: Work, head: Head, place: str) -> dict[str, str]:
    kinds = {"r": f"RT {place[1:]}", "w": f"RW {place[1:]}", "g": place[1:]}
    name = kinds[place[0]] if place else shorten(head.village.name, VILLAGE_SHOWN_SEPTETS)
    return {"village": name, "date": day_text(work.today)}


def _answer_behind(inbound: Inbound, head: Head, counts: VillageCounts, place: str) -> None:
    work, part, shown = inbound.work, f":{head.id}", counts.shown(place)
    facts = _facts(work, head, place)
    if shown.behind is None:
        inbound.answer("behind_few", part, count=str(work.settings.SMALL_CELL_MIN), **facts)
        return
    facts |= {"count": str(shown.behind), "enrolled": str(shown.enrolled)}
    where = {} if place else counts.behind_by_neighbourhood()
    inbound.answer("behind", part, status=_fitting(inbound, facts, where), **facts)
    if initials := _named(work, head, place, shown):
        inbound.answer("behind_named", f"{part}:named", status=initials, village=facts["village"])


def _named(work: Work, head: Head, place: str, shown: Shown) -> str:
    """Whole entries only, and of those alone it is kept that they were named."""
    said = ""
    for worker, entry in named.behind(work, head, place) if shown.behind else ():
        more = f"{said}, {entry}" if said else entry
        if len(more) > STATUS_SEPTETS_MAX:
            break
        said = more
        named.was_named(work, worker, head, place)
    return said


def _fitting(inbound: Inbound, facts: Mapping[str, str], where: Mapping[str, int]) -> str:
    """As many RTs as one SMS takes, those with most first; the rest are one number, as small ones are."""
    listed = sorted((count, name) for name, count in where.items() if name != OTHER)
    other = where.get(OTHER, 0)
    # Where nothing more may be listed, what a head can do about it is said.
    step = inbound.line("behind.step") if facts["count"] != "0" else ""
    while True:
        said = [f"RT {name} {count}" for count, name in reversed(listed)]
        if other and said:
            said.append(inbound.line(f"group.{OTHER}", count=str(other)))
        status = ": " + ", ".join(said) if said else step
        try:
            inbound.work.texts.sms("behind", inbound.language, {**facts, "status": status})
        except TooLong:
            other += listed.pop(0)[0]
        else:
            return status


def how_to_join(inbound: Inbound) -> None:
    """`DAFTAR`: what people of this village dial, and the village's own code."""
    if not inbound.heads:
        say_help(inbound)
        return
    for head in inbound.heads:
        village, code = head.village, inbound.work.settings.USSD_CODE.removesuffix("#")
        facts = {"village": shorten(village.name, VILLAGE_SHOWN_SEPTETS), "dial": f"{code}*{village.short_code}#"}
        inbound.answer("join_how", f":{head.id}", short=village.short_code, **facts)


def weekly(inbound: Inbound) -> None:
    """`MINGGUAN YA` or `MINGGUAN TIDAK`: the counts by themselves on Mondays."""
    if not inbound.heads:
        say_help(inbound)
        return
    wanted = _YES_NO.get(inbound.words[1] if len(inbound.words) > 1 else "")
    for head in inbound.heads if wanted is not None else ():
        head.weekly = bool(wanted)
    inbound.answer({True: "weekly_on", False: "weekly_off", None: "weekly_how"}[wanted])


def stop_weekly(inbound: Inbound) -> bool:
    """By STOP as well; False where nothing came by itself."""
    weekly = [head for head in inbound.heads if head.weekly]
    for head in weekly:
        head.weekly = False
    return bool(weekly)


def succeed(inbound: Inbound) -> None:
    """`GANTI 081234567890` from a head; then `GANTI 482913`, each with the own code, from both."""
    typed = "".join(inbound.words[1:])
    if typed.isascii() and typed.isdigit() and len(typed) == successions.CODE_DIGITS:
        try:
            successions.confirm(inbound.work, inbound.index, typed)
        except successions.WrongCode:
            inbound.answer("succession_wrong")
    elif not inbound.heads:
        say_help(inbound)
    else:
        _name_successor(inbound, typed)


def _name_successor(inbound: Inbound, typed: str) -> None:
    try:
        phone = canonical_phone(typed)
    except NotAPhone:
        inbound.answer("succession_how")
        return
    for head in inbound.heads:
        try:
            successions.ask(inbound.work, head, inbound.phone, phone)
        except successions.NotPossible:
            inbound.answer("succession_not", f":{head.id}")
