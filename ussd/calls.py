"""One hop from the gateway's words to ours: hold the caller, repeat or take the turn, commit, then save the place."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateways.base import OVER, PHONE_FIELD, Phase, Turn
from insurance.contacts import language_of
from insurance.work import Work
from ports import Ports
from sealing import PinChecksBusy
from texts import FIRST_LANGUAGE
from units.clock import jakarta_day
from ussd import funnel
from ussd.caller import Caller
from ussd.dialled import beyond, take_village
from ussd.engine import Reply, clean, turn, walk
from ussd.journey import RESUME, Journey
from ussd.journeys import NOTICED_S, SILENT_S, Held, Journeys, Left, LostHold, TooOften
from ussd.latest import Heard, heard
from ussd.menu import MENU
from ussd.pace import Pace
from ussd.page import Page

log = structlog.get_logger()

# How long a second turn of one phone waits for the first; together with a hop's own time below 2 s.
_HOLD_WAIT_S = 1.0
_HOLD_STEP_S = 0.02


class MaybeDone(Exception):
    """Something was done, and then its commit or its keeping failed: the caller is told to look."""


@dataclass(frozen=True)
class _Hop:
    """What was typed in this turn: nothing new (`pressed` None), the last turn once more, or an input."""

    repeated: bool = False
    pressed: str | None = None
    walked: tuple[str, ...] = ()


class Calls:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._journeys = Journeys(ports.redis, ports.keys, ports.settings.HOPS_PER_MINUTE_MAX)
        self._pace = Pace(ports.settings.HOPS_PER_S_MAX)
        self._pages: dict[tuple[str, ...], list[Page]] = {}

    def hear(self, asked: Turn) -> Reply | None:
        """The words for one turn, None for the end of a call, which nobody reads an answer to."""
        if asked.phase in OVER:
            self.ended(asked.phone, asked.session_id)
            return None
        return self.answer(asked) if self._pace.admits(time.monotonic()) else self._end("busy", FIRST_LANGUAGE)

    def unread(self, field: str) -> Reply:
        """The last words to a hop that could not be read; `field` is what was wrong with it."""
        return self._end("foreign" if field == PHONE_FIELD else "bad_request", FIRST_LANGUAGE)

    def answer(self, asked: Turn) -> Reply:
        """The words for one turn; whatever fails, words that say so and that nothing has changed."""
        ports = self._ports
        code = ports.settings.USSD_CODE
        if beyond(asked.service_code, code) is None:
            return self._end("wrong_code", FIRST_LANGUAGE)
        phone_index = ports.keys.index("phone", asked.phone)
        held: Held | None = None
        try:
            held = self._hold(phone_index.hex())
            if held is None:
                return self._end("busy", FIRST_LANGUAGE)
            reply = self._held_turn(asked, phone_index, held)
        except MaybeDone as error:
            log.error("ussd_maybe_done", kind=type(error.__cause__).__name__)
            return self._give_up(held, "maybe")
        except (PinChecksBusy, TooOften):
            return self._give_up(held, "busy")
        except RedisError as error:
            log.error("ussd_redis_away", kind=type(error).__name__)
            return self._end("trouble", FIRST_LANGUAGE)
        except LostHold:
            # The turn was committed too late to be the caller's next place; redial finds what was done.
            log.warning("ussd_hold_lost")
            return self._end("trouble", FIRST_LANGUAGE)
        except Exception as error:
            # The kind and the place of the error, never its words: they may hold what was typed.
            log.error("ussd_turn_failed", kind=type(error).__name__, at=_place(error))
            reply = None
        if reply is not None:
            return reply
        return self._give_up(held, "trouble")

    def ended(self, phone: str, session_id: str) -> None:
        """The gateway's word that a call is over and that we did not end it. Used when it comes, never needed.

        The call's secrets go, its place is kept for a redial, and the drop is looked after soon.
        """
        keys = self._ports.keys
        try:
            held = self._hold(keys.index("phone", phone).hex())
            if held is None:
                return
            journey = held.journey
            if journey is None or journey.session != keys.index("session", session_id).hex() or journey.reply_end:
                self._journeys.release(held)
            else:
                # Whoever was being asked whether to go on was left there, and holds no secrets.
                kept = journey if journey.screen == RESUME else journey.dropped()
                self._journeys.save(held, kept.but(reply_end=True), self._in(NOTICED_S))
        except (RedisError, LostHold, TooOften) as error:
            log.warning("ussd_end_not_kept", kind=type(error).__name__)

    def _hold(self, caller: str) -> Held | None:
        until = time.monotonic() + _HOLD_WAIT_S
        while (held := self._journeys.hold(caller)) is None:
            if time.monotonic() > until:
                return None
            time.sleep(_HOLD_STEP_S)
        return held

    def _give_up(self, held: Held | None, line: str) -> Reply:
        language = FIRST_LANGUAGE
        if held is not None:
            language = held.language or FIRST_LANGUAGE
            try:
                self._journeys.release(held)
            except RedisError as error:
                log.error("ussd_redis_away", kind=type(error).__name__)
        return self._end(line, language)

    def _end(self, line: str, language: str) -> Reply:
        texts = self._ports.texts
        return Reply(texts.mark + texts.line(line, language, code=self._ports.settings.USSD_CODE), True, f"line.{line}")

    def _held_turn(self, asked: Turn, phone_index: bytes, held: Held) -> Reply:
        keys = self._ports.keys
        session = keys.index("session", asked.session_id).hex()
        if not held.language and (held.journey is None or held.journey.session != session):
            held = replace(held, language=self._language(phone_index))
        journey, hop = self._place(asked, session, held)
        if journey.session != session and not self._journeys.owns_session(session, held.caller):
            self._journeys.release(held)
            return self._end("session_taken", journey.language)
        if hop.repeated:
            if journey is held.journey:
                self._journeys.release(held)
            else:
                self._journeys.save(held, journey, self._in(SILENT_S))
            return Reply(journey.reply, journey.reply_end, journey.screen)
        after, reply, acted = self._transact(asked, phone_index, journey.but(session=session), hop)
        after = after.but(
            turn_key=self._turn_key(asked.text),
            typed=asked.reach,
            wire=asked.wire,
            reply=reply.text,
            reply_end=reply.end,
            gateway=asked.gateway,
            phone=asked.phone if after.worth_inviting else "",
        )
        try:
            self._journeys.save(held, after, self._left_behind(held, journey, hop, after, reply))
        except (RedisError, LostHold) as error:
            if acted:
                raise MaybeDone from error
            raise
        return reply

    def _language(self, phone_index: bytes) -> str:
        """As the rows have it, for a number of which Redis remembers nothing; a call goes on without them as well."""
        try:
            with self._ports.transaction() as work:
                return language_of(work, phone_index) or FIRST_LANGUAGE
        except SQLAlchemyError as error:
            log.warning("ussd_language_not_read", kind=type(error).__name__)
            return ""

    def _left_behind(self, held: Held, before: Journey, hop: _Hop, after: Journey, reply: Reply) -> Left:
        last = held.journey
        # Whether that call had been ended by us, the script knows: it is not among those in flight then.
        cut = funnel.of_drop(last) if last is not None and last.session != after.session else ""
        counts = funnel.of_hop(before, hop.pressed, reply, after)
        return self._in(None if reply.end else SILENT_S, counts, cut)

    def _in(self, due_in_s: int | None, counts: Sequence[str] = (), dropped: str = "") -> Left:
        now = self._ports.clock()
        due_s = None if due_in_s is None else int(now.timestamp()) + due_in_s
        return Left(jakarta_day(now), due_s, counts, dropped)

    def _turn_key(self, text: str) -> str:
        # A keyed hash, for the text may hold a PIN and six digits are soon guessed (rulings 14).
        return self._ports.keys.index("turn", text).hex()

    def _place(self, asked: Turn, session: str, held: Held) -> tuple[Journey, _Hop]:
        """Where this turn starts from, and what was typed in it: the prefix difference, never the last segment."""
        if not asked.cumulative:
            return self._place_latest(asked, session, held)
        language = held.language or FIRST_LANGUAGE
        journey, text = held.journey, asked.text
        if journey is None or journey.session != session:
            if journey is not None and journey.worth_resuming:
                return journey.asked_to_go_on(), _Hop()
            fresh = Journey(language=language)
            dialled = beyond(asked.service_code, self._ports.settings.USSD_CODE) or ()
            return fresh, _Hop(walked=(*dialled, *(text.split("*") if text else ())))
        if journey.reply_end and len(text) > journey.typed:
            # The call was over: what comes after is a new one, and does nothing that the old one left open.
            again = journey.asked_to_go_on() if journey.worth_resuming else Journey(language=language)
            return again.but(session=session), _Hop()
        if len(text) == journey.typed and self._turn_key(text) == journey.turn_key:
            return journey, _Hop(repeated=True)
        if len(text) <= journey.typed or self._turn_key(text[: journey.typed]) != journey.turn_key:
            # Late or diverging: never a step back, the answer that stands is given again.
            return journey, _Hop(repeated=True)
        new = text[journey.typed :]
        if journey.typed:
            new = new.removeprefix("*")
        return journey, _Hop(pressed=clean(new))

    def _place_latest(self, asked: Turn, session: str, held: Held) -> tuple[Journey, _Hop]:
        """The same where only the latest input came: whether it is new is the gateway's count to say."""
        journey = held.journey
        ours = journey is not None and journey.session == session
        kind = heard(asked, journey, self._turn_key) if ours and journey else Heard.NEW_CALL
        if journey is None or kind is Heard.NEW_CALL:
            if journey is not None and journey.worth_resuming:
                return journey.asked_to_go_on(), _Hop()
            # An answer to a screen that we no longer know is no answer to the first one.
            dialled = asked.text if asked.phase is Phase.BEGIN else ""
            fresh = Journey(language=held.language or FIRST_LANGUAGE)
            return fresh, _Hop(walked=tuple(dialled.split("*")) if dialled else ())
        if kind is Heard.AGAIN:
            return journey, _Hop(repeated=True)
        if kind is Heard.DOUBTFUL:
            return journey.but(wire=asked.wire, typed=asked.sequence), _Hop(repeated=True)
        return journey, _Hop(pressed=clean(asked.text))

    def _transact(self, asked: Turn, phone_index: bytes, journey: Journey, hop: _Hop) -> tuple[Journey, Reply, bool]:
        """One turn in at most one transaction, which is opened only if the turn reads or writes rows."""
        ports = self._ports
        sessions: list[Session] = []

        def open_work() -> Work:
            db = Session(ports.database, expire_on_commit=False)
            sessions.append(db)
            return ports.work(db)

        caller = Caller(
            phone=asked.phone,
            phone_index=phone_index,
            session=journey.session,
            language=ports.texts.spoken(journey.language or FIRST_LANGUAGE),
            answers=journey.answers,
            texts=ports.texts,
            keys=ports.keys,
            code=ports.settings.USSD_CODE,
            open_work=open_work,
            left=journey.left,
            retype=journey.retype,
            pages=self._pages,
        )
        try:
            if hop.walked:
                journey, typed = take_village(MENU, journey, [clean(part) for part in hop.walked], caller)
                journey = walk(MENU, journey, typed, caller)
            after, reply = turn(MENU, journey, hop.pressed, caller)
            for db in sessions:
                _commit(db, caller.acted)
        finally:
            for db in sessions:
                db.close()
        return after, reply, caller.acted


def _commit(db: Session, acted: bool) -> None:
    # Where only the day was asked for, or what is kept in memory, none was begun; commit would begin one to end it.
    if not db.in_transaction():
        return
    try:
        db.commit()
    except SQLAlchemyError as error:
        if acted:
            raise MaybeDone from error
        raise


def _place(error: BaseException) -> str:
    """`file:line` of the innermost frame, which no personal data can be in."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""
