"""The table of words that people text, and what each does; every answer is one part, and none says an amount."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import func, select

from insurance import mandates
from insurance.contributions import STOP_OPEN
from insurance.cover import Cover, covers
from insurance.invitations import CODE_DIGITS
from insurance.wording import cover_line
from insurance.work import Work
from models import InboundSms, Membership, Worker
from models.event import record
from models.machine import Cause
from sms import acts, places, village
from sms.inbound import REPEATED, Inbound, read_words, say_help
from units.gsm import SMS_SEPTETS_MAX, septets

# Texts of one number that are answered within an hour. What stops, agrees, reports or answers our own question goes on
# longer: only a machine sends so many.
ANSWERS_AN_HOUR_MAX, ACTS_AN_HOUR_MAX = 10, 40
# How long "Balas 1" may be answered.
ASKED_FOR = timedelta(hours=24)

# `YA482913`: the blank is easily left out.
_GLUED_YES = re.compile(rf"YA[0-9]{{{CODE_DIGITS}}}")

Command = Callable[[Inbound], None]


def handle(work: Work, phone: str, text: str, key: str) -> str:
    """Do what `text` asks and owe the answer, once for `key`; the word that was understood, or an empty text."""
    words = read_words(text)
    word = words[0] if words else ""
    if _GLUED_YES.fullmatch(word):
        word = "YA"
    inbound = Inbound(work, phone, key, words)
    meant = _was_asked(inbound) if word == "1" else []
    if meant:
        # The newest question is the one that is answered, also where STOP's is open still.
        word, inbound.words = meant[0], meant
    elif word in ("1", "2") and _stop_is_open(inbound):
        _stop_answered(inbound, word)
        return f"STOP {word}"
    command = COMMANDS.get(word)
    if too_many := _beyond(inbound, ACTS_AN_HOUR_MAX if meant or command in ACTS else ANSWERS_AN_HOUR_MAX):
        # Stored and not answered: a machine at the other end would answer our answer for ever.
        if too_many == 1:
            inbound.answer("too_many")
        return word if command else ""
    if command is None and (guess := near(word)):
        inbound.answer("guess", word=guess)
        return f"?{guess}"
    if command is None:
        inbound.answer("not_understood" if inbound.workers else "help_head" if inbound.heads else "help_unknown")
        return ""
    command(inbound)
    return word


def _was_asked(inbound: Inbound) -> list[str]:
    """The words that were meant, where the last text of this number was asked about; else none."""
    asked, words = inbound.earlier(ASKED_FOR)
    return [asked.removeprefix("?"), *words[1:]] if asked.startswith("?") else []


def near(word: str) -> str:
    """The one command that this may be a slip of; empty where it is far from all, or near to two."""
    # Loaded for the first slip: a web process has no megabytes to spare (docs/bench.md).
    from rapidfuzz.distance import OSA

    most = 0 if len(word) < 4 else 1 if len(word) < 7 else 2
    far = {name: OSA.distance(word, name, score_cutoff=most) for name in COMMANDS} if most else {}
    found = sorted((steps, name) for name, steps in far.items() if steps <= most)
    return found[0][1] if len({COMMANDS[name] for _, name in found}) == 1 else ""


def _beyond(inbound: Inbound, most: int) -> int:
    """How many texts of this hour there are above `most`; what was sent twice by mistake counts once."""
    since = inbound.work.now - timedelta(hours=1)
    lately = select(func.count()).where(
        InboundSms.sender_index == inbound.index, InboundSms.received_at > since, InboundSms.word != REPEATED
    )
    return max(0, inbound.work.db.execute(lately).scalar_one() - most)


def _status(inbound: Inbound) -> None:
    """Months paid and cover, by initials, never rupiah: an SMS stays in a phone that many hands hold (rulings 6)."""
    if not inbound.workers:
        inbound.answer("help_unknown")
        return
    if not inbound.trusted:
        inbound.answer("status_doubted")
        return
    work = inbound.work
    ids = [worker.id for worker in inbound.trusted]
    covered = covers(work.db, ids, work.today, work.settings.DUE_DAY)
    lines = [_short(inbound, worker, covered[worker.id]) for worker in inbound.trusted]
    shown = len(lines)
    while septets(work.texts.mark + _joined(inbound, lines, shown)) > SMS_SEPTETS_MAX:
        shown -= 1
    inbound.answer("status", status=_joined(inbound, lines, shown))


def _joined(inbound: Inbound, lines: list[str], shown: int) -> str:
    """As many lines as one SMS takes, and how many are left for the menu."""
    left = len(lines) - shown
    more = [inbound.line("status.more", count=str(left), code=inbound.work.settings.USSD_CODE)] if left else []
    return "\n".join([*lines[:shown], *more])


def _short(inbound: Inbound, worker: Worker, cover: Cover) -> str:
    work = inbound.work
    member = work.db.get_one(Membership, worker.id)
    if member.is_uncovered:
        status = inbound.line(f"status.{member.state}")
    else:
        status = cover_line(inbound.line, cover, inbound.language, work.settings.DUE_DAY)
    return inbound.line("status.short", initials=work.initials(worker), count=str(cover.months_paid), status=status)


def _stop(inbound: Inbound) -> None:
    """Asks what to stop; while the question is open nothing is debited (rulings 13)."""
    stopped = village.stop_weekly(inbound)
    if not inbound.workers:
        inbound.answer("weekly_off" if stopped else "stop_nothing")
        return
    for worker in inbound.workers:
        worker.stop_asked_at = inbound.work.now
        record(inbound.work.db, worker.subject, "member", "stop_asked", "", "", "stop_open", inbound.work.now)
    inbound.answer("stop_ask")


def _stop_is_open(inbound: Inbound) -> bool:
    since = inbound.work.now - STOP_OPEN
    return any(worker.stop_asked_at is not None and worker.stop_asked_at > since for worker in inbound.workers)


def _stop_answered(inbound: Inbound, word: str) -> None:
    work, cancelled = inbound.work, False
    if word == "2" and len(inbound.workers) > 1:
        # Whoever holds a shared phone must not end another's cover: each cancels with the own PIN.
        inbound.answer("stop_many")
        return
    if word == "2" and not inbound.trusted and inbound.workers:
        # Nor whoever got a number that was given anew; the open question keeps the money where it is for a day.
        inbound.answer("stop_doubted")
        return
    for worker in inbound.workers:
        worker.stop_asked_at = None
        if word == "1":
            worker.reminders = False
            record(work.db, worker.subject, "member", "stop", "", "stop_open", "no_reminders", work.now)
        else:
            record(work.db, worker.subject, "member", "stop", "", "stop_open", "no_autodebit", work.now)
            try:
                mandates.cancel(work, worker, Cause("member", "sms"))
                cancelled = True
            except mandates.NoMandate:
                continue
    if word == "1":
        inbound.answer("stop_reminders")
    elif not cancelled:
        inbound.answer("stop_nothing")


def _go_on(inbound: Inbound) -> None:
    """Ends STOP's question without stopping anything, or has reminders come again.

    What begins to take money again wants the PIN.
    """
    if not _stop_is_open(inbound):
        silent = [worker for worker in inbound.workers if not worker.reminders]
        for worker in silent:
            worker.reminders = True
            record(inbound.work.db, worker.subject, "member", "go_on", "", "no_reminders", "", inbound.work.now)
        inbound.answer("reminders_on" if silent else "dial_change")
        return
    for worker in inbound.workers:
        worker.stop_asked_at = None
        record(inbound.work.db, worker.subject, "member", "go_on", "", "stop_open", "", inbound.work.now)
    inbound.answer("stop_over")


def _table(words: Mapping[Command, str]) -> Mapping[str, Command]:
    return {word: command for command, listed in words.items() for word in listed.split()}


# Of each the words in Indonesian, English, Javanese and Sundanese, where they differ.
COMMANDS: Mapping[str, Command] = _table(
    {
        _status: "SALDO STATUS BALANCE",
        say_help: "BANTUAN HELP TULUNG BANTOSAN",
        _stop: "STOP BERHENTI BATAL CANCEL MANDHEG EUREUN",
        _go_on: "LANJUT CONTINUE TERUS TERASKEN TERUSKEUN",
        acts.pay: "BAYAR PAY MBAYAR MAYAR",
        acts.pause: "JEDA PAUSE LEREN REUREUH",
        village.check: "CEK CHECK",
        village.behind: "MENUNGGAK ARREARS",
        village.how_to_join: "DAFTAR JOIN DHAFTAR",
        village.weekly: "MINGGUAN WEEKLY",
        village.succeed: "GANTI REPLACE",
        places.neighbourhood: "RT",
        places.group: "KELOMPOK GROUP",
        places.who_looked: "SIAPA WHO SAPA SAHA",
        places.named: "NAMA NAME JENENG NGARAN",
        acts.language: "BAHASA LANGUAGE BASA",
        acts.yes: "YA YES INGGIH MUHUN",
        acts.report: "LAPOR REPORT",
        acts.genuine: "ASLI GENUINE",
        acts.number: "NOMOR",
        acts.not_me: "BUKAN",
        acts.ask_reset: "PIN",
    }
)
ACTS: frozenset[Command | None] = frozenset(
    {_stop, _go_on, acts.yes, acts.number, acts.report, acts.not_me, village.succeed, places.named}
)
