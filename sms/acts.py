"""What members, and heads, may do by a word and a code: yes, language, reports, a new number, PIN resets."""

from collections.abc import Mapping

from insurance import erasures, numbers, own_yes, pin_resets, tickets
from insurance import genuine as genuine_sms
from insurance.enrolment import AgeOutside, AlreadyEnrolled, AlreadyEnrolledHere, OfficialsOthers, PhoneFull
from insurance.invitations import CODE_DIGITS
from models import PinResetState, TicketKind
from models.machine import Cause
from sms.inbound import Inbound, say_help
from texts import Texts

REFERENCE_LETTERS_MAX = 12

# What keeps a yes with the right code from making a worker, by the word that says so.
_NOT_ENROLLED: Mapping[type[Exception], str] = {
    AlreadyEnrolled: "already_member",
    AgeOutside: "age",
    PhoneFull: "phone_full",
    OfficialsOthers: "official",
    own_yes.OfficialsNumber: "official",
}


def yes(inbound: Inbound) -> None:
    """The own yes of somebody whom others prepared; the receipt of the enrolment is the answer where it stands."""
    work = inbound.work
    code = "".join(c for c in "".join(inbound.words) if c.isdigit())
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


def report(inbound: Inbound) -> None:
    """LAPOR 1 an accident, LAPOR 2 a death; of whom, on a number of several, only the menu can ask."""
    what = inbound.words[1] if len(inbound.words) > 1 else ""
    if not inbound.workers:
        inbound.answer("report_stranger")
    elif len(inbound.workers) > 1:
        inbound.answer("report_many")
    elif not inbound.trusted:
        # A number that somebody else may hold by now reports nobody's death (decision 0013).
        inbound.answer("status_doubted")
    elif what in ("1", "KECELAKAAN"):
        tickets.open_ticket(inbound.work, TicketKind.ACCIDENT, inbound.phone, inbound.language, inbound.workers[0])
    elif what in ("2", "MENINGGAL", "KEMATIAN"):
        tickets.report_death(inbound.work, inbound.workers[0], inbound.phone, inbound.language)
    else:
        inbound.answer("report_ask")


def number(inbound: Inbound) -> None:
    """The code that was sent to this number comes back from it: the second yes to a move (insurance/numbers.py)."""
    try:
        numbers.confirm(inbound.work, inbound.phone, "".join(inbound.words[1:]))
    except numbers.WrongCode:
        inbound.answer("number_wrong")


def pay(inbound: Inbound) -> None:
    """No SMS makes us take money: it carries no PIN, and a phone may be in other hands."""
    inbound.answer("dial_pay" if inbound.workers else "help_unknown")


def pause(inbound: Inbound) -> None:
    inbound.answer("dial_change" if inbound.workers else "help_unknown")


def genuine(inbound: Inbound) -> None:
    """`ASLI 8F3K2M7Q1R4T`: whether a text that names this reference was ours, and for this number."""
    try:
        ref = genuine_sms.read("".join(inbound.words[1:]))
    except genuine_sms.NoReference:
        inbound.answer("genuine_how")
        return
    said = genuine_sms.about(inbound.work, ref, inbound.index, inbound.workers, inbound.trusted, inbound.language)
    inbound.answer("genuine", said=said)


def not_me(inbound: Inbound) -> None:
    """Stops the PIN resets and erasures of this number; whoever holds it may, for it takes nothing but time."""
    cause = Cause("member", "not_me")
    kept = [erasures.stop(inbound.work, worker, cause) for worker in inbound.workers]
    if any(kept):
        inbound.answer("erasure_stopped", "erasure")
    stopped = [state for worker in inbound.workers if (state := pin_resets.stop(inbound.work, worker)) is not None]
    if not stopped and not any(kept):
        inbound.answer("reset_none")
    elif stopped:
        inbound.answer("reset_ended" if PinResetState.OPEN in stopped else "reset_stopped")


def ask_reset(inbound: Inbound) -> None:
    """A head may only ask (rulings 11); the answer is the same whether or not there is such a member."""
    if not inbound.heads:
        say_help(inbound)
        return
    if len(inbound.words) != 2 or len(inbound.words[1]) > REFERENCE_LETTERS_MAX:
        inbound.answer("reset_how")
        return
    pin_resets.ask(inbound.work, inbound.index, inbound.words[1])
    inbound.answer("reset_asked")


def language(inbound: Inbound) -> None:
    """`BAHASA JV`, `BAHASA JAWA`: what a member alone on this number is texted in; a shared one needs the menu."""
    texts = inbound.work.texts
    if not inbound.workers:
        say_help(inbound)
        return
    if len(inbound.workers) > 1:
        inbound.answer("language_many")
        return
    if not inbound.trusted:
        inbound.answer("status_doubted")
        return
    named = {word: language for language in texts.offered for word in (language.upper(), _own_word(texts, language))}
    wanted = [named[word] for word in inbound.words[1:] if word in named]
    if len(wanted) != 1:
        inbound.answer("language_how", languages=", ".join(texts.offered).upper())
        return
    inbound.workers[0].language = wanted[0]
    inbound.answer("language_set")


def _own_word(texts: Texts, language: str) -> str:
    """`JAWA` of `Basa Jawa`."""
    return texts.about(language).name.upper().split()[-1]
