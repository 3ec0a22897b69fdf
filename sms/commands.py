"""The table of words that people text, and what each does; every answer is one part, and none says an amount."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import func, select

from insurance import contacts, mandates, own_yes, pin_resets, villages
from insurance.contributions import STOP_OPEN
from insurance.cover import Cover, covers
from insurance.enrolment import AgeOutside, AlreadyEnrolled, AlreadyEnrolledHere, OfficialsOthers, PhoneFull
from insurance.invitations import CODE_DIGITS
from insurance.receipts import URGENT, owe, recipient
from insurance.wording import cover_line
from insurance.work import Work
from models import InboundSms, Membership, MembershipState, PinResetState, Village, Worker
from models.event import record
from models.machine import Cause
from texts import FIRST_LANGUAGE
from texts.longest import VILLAGE_SHOWN_SEPTETS
from units.gsm import SMS_SEPTETS_MAX, septets, shorten
from units.month import day_text

# An answer to a command is of use while the sender still holds the phone.
ANSWER_LIFE = timedelta(hours=1)
# Texts of one number that are answered within an hour; STOP always is.
ANSWERS_AN_HOUR_MAX = 10

REFERENCE_LETTERS_MAX = 12

# `YA482913`: the blank is easily left out.
_GLUED_YES = re.compile(rf"YA[0-9]{{{CODE_DIGITS}}}")

Command = Callable[["Inbound"], None]


class Inbound:
    """One text that came in: who may have sent it, and how to answer."""

    def __init__(self, work: Work, phone: str, text: str, key: str) -> None:
        self.work, self.phone, self.text, self.key = work, phone, text, key
        self.index = work.keys.index("phone", phone)
        at_number = contacts.at(work, self.index)
        self.workers: Sequence[Worker] = [contact.worker for contact in at_number]
        # Of the others nobody is named before their PIN, which no SMS should hold.
        self.trusted = [contact.worker for contact in at_number if not contacts.is_doubted(work, contact)]
        self.heads: Sequence[Village] = villages.headed_by(work, self.index)

    @property
    def language(self) -> str:
        return self.workers[0].language if self.workers else FIRST_LANGUAGE

    def answer(self, kind: str, part: str = "", **facts: str) -> None:
        zone = self.workers[0].village.zone if self.workers else self.heads[0].zone if self.heads else "Asia/Jakarta"
        owner = self.workers[0] if len(self.workers) == 1 else None
        to = recipient(self.work, self.phone, self.language, owner, zone)
        key, expires = f"answer:{self.key}{part}", self.work.now + ANSWER_LIFE
        owe(self.work, to, kind, key, facts, priority=URGENT, expires_at=expires)

    def line(self, name: str, /, **facts: str) -> str:
        return self.work.texts.line(name, self.language, **facts)


def handle(work: Work, phone: str, text: str, key: str) -> str:
    """Do what `text` asks and owe the answer, once for `key`; the word that was understood, or an empty text."""
    word = first_word(text)
    if _GLUED_YES.fullmatch(word):
        word = "YA"
    inbound = Inbound(work, phone, text, key)
    if word in ("1", "2") and _stop_is_open(inbound):
        _stop_answered(inbound, word)
        return f"STOP {word}"
    command = COMMANDS.get(word)
    if command is not _stop and _asks_too_often(work, inbound):
        # Stored and not answered: a machine at the other end would answer our answer for ever.
        return word if command else ""
    if command is None:
        inbound.answer("not_understood" if inbound.workers else "help_head" if inbound.heads else "help_unknown")
        return ""
    command(inbound)
    return word


def _asks_too_often(work: Work, inbound: Inbound) -> bool:
    since = work.now - timedelta(hours=1)
    lately = select(func.count()).where(InboundSms.sender_index == inbound.index, InboundSms.received_at > since)
    return work.db.execute(lately).scalar_one() > ANSWERS_AN_HOUR_MAX


def first_word(text: str) -> str:
    """`" saldo#1 "` is `"SALDO"`: without case, accents, and with `#` as a blank."""
    plain = unicodedata.normalize("NFKD", text).replace("#", " ")
    words = "".join(c for c in plain if not unicodedata.combining(c)).upper().split()
    return words[0].strip(".,!?*") if words else ""


def _help(inbound: Inbound) -> None:
    inbound.answer("help_head" if inbound.heads else "help" if inbound.workers else "help_unknown")


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
    if member.state in (MembershipState.REFUSED.value, MembershipState.NEEDS_HELP.value):
        status = inbound.line(f"status.{member.state}")
    else:
        status = cover_line(inbound.line, cover, inbound.language, work.settings.DUE_DAY)
    return inbound.line("status.short", initials=work.initials(worker), count=str(cover.months_paid), status=status)


def _stop(inbound: Inbound) -> None:
    """Asks what to stop; while the question is open nothing is debited (rulings 13)."""
    if not inbound.workers:
        inbound.answer("stop_nothing")
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


def _check(inbound: Inbound) -> None:
    """A head's count of the village; anyone else gets help and learns nothing."""
    if not inbound.heads:
        _help(inbound)
        return
    for village in inbound.heads:
        _answer_count(inbound, village)


def _answer_count(inbound: Inbound, village: Village) -> None:
    work, small = inbound.work, inbound.work.settings.SMALL_CELL_MIN
    counted = villages.count(work, village.code)
    groups = villages.merge_small(counted, small)
    named = {"village": shorten(village.name, VILLAGE_SHOWN_SEPTETS), "date": day_text(work.today)}
    enrolled, part = str(counted.enrolled), f":{village.code}"
    record(work.db, ("village", village.code), "head", "check", "", "", "counted", work.now)
    if 0 < counted.enrolled < small:
        inbound.answer("check_few", part, count=str(small), **named)
    elif groups:
        said = ", ".join(inbound.line(f"group.{group}", count=str(count)) for group, count in groups.items())
        inbound.answer("check", part, status=said, enrolled=enrolled, **named)
    else:
        inbound.answer("check_small", part, enrolled=enrolled, **named)


# What keeps a yes with the right code from making a worker, by the word that says so.
_NOT_ENROLLED: Mapping[type[Exception], str] = {
    AlreadyEnrolled: "already_member",
    AgeOutside: "age",
    PhoneFull: "phone_full",
    OfficialsOthers: "official",
    own_yes.OfficialsNumber: "official",
}


def _yes(inbound: Inbound) -> None:
    """The own yes of somebody whom others prepared; the receipt of the enrolment is the answer where it stands."""
    work = inbound.work
    code = "".join(c for c in unicodedata.normalize("NFKC", inbound.text) if c.isdigit())
    if len(code) != CODE_DIGITS or not code.isascii():
        inbound.answer("yes_how")
        return
    try:
        own_yes.confirm_by_sms(work, inbound.phone, code, work.keys.index("session", inbound.key).hex())
    except AlreadyEnrolledHere:
        inbound.answer("yes_done")
    except tuple(_NOT_ENROLLED) as error:
        reason = next(word for kind, word in _NOT_ENROLLED.items() if isinstance(error, kind))
        inbound.answer("yes_not", reason=work.texts.word(f"reason.{reason}", inbound.language))
    except own_yes.WrongCode:
        inbound.answer("yes_wrong")
    except own_yes.CodesTomorrow:
        inbound.answer("yes_tomorrow")
    except own_yes.NeedsCall:
        inbound.answer("yes_dial")
    except own_yes.PriceChanged:
        # Another SMS, with the price of today, asks anew.
        return


def _not_me(inbound: Inbound) -> None:
    """Stops the PIN resets of this number; whoever holds it may, for it takes nothing but time."""
    stopped = [state for worker in inbound.workers if (state := pin_resets.stop(inbound.work, worker)) is not None]
    if not stopped:
        inbound.answer("reset_none")
    else:
        inbound.answer("reset_ended" if PinResetState.OPEN in stopped else "reset_stopped")


def _ask_reset(inbound: Inbound) -> None:
    """A head may only ask (rulings 11); the answer is the same whether or not there is such a member."""
    if not inbound.heads:
        _help(inbound)
        return
    words = inbound.text.split()
    if len(words) != 2 or len(words[1]) > REFERENCE_LETTERS_MAX:
        inbound.answer("reset_how")
        return
    pin_resets.ask(inbound.work, inbound.index, words[1])
    inbound.answer("reset_asked")


COMMANDS: Mapping[str, Command] = {
    "SALDO": _status,
    "STATUS": _status,
    "BALANCE": _status,
    "BANTUAN": _help,
    "HELP": _help,
    "STOP": _stop,
    "BERHENTI": _stop,
    "CEK": _check,
    "CHECK": _check,
    "YA": _yes,
    "YES": _yes,
    "BUKAN": _not_me,
    "PIN": _ask_reset,
}
