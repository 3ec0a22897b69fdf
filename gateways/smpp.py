"""USSD over SMPP 3.4 as PDUs: a deliver_sm becomes a Turn or Malformed, words become a submit_sm; nothing is sent here.

smpplib writes and reads the fields; where it reads on past the end of a PDU or knows a parameter in one direction only,
the reading is stricter here. Source: SMPP 3.4 (12-10-1999); `ussd_service_op` 5.3.2.44, `its_session_info` 5.3.2.43;
which values mean what in a call is from memory and other projects (gateways.md 4.2).
"""

import struct
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from smpplib import consts
from smpplib.client import SimpleSequenceGenerator
from smpplib.command import DeliverSM
from smpplib.command_codes import get_command_code
from smpplib.smpp import make_pdu

from gateways.base import OVER, Malformed, Phase, Turn
from gateways.latest import beyond_code, caller_number, is_our_code, typed_text
from units.gsm import NotGsm, from_octets, to_octets

NAME: Final = "smpp"
HEADER_BYTES: Final = 16
# A deliver_sm with every parameter there is stays below 2 KiB.
PDU_BYTES_MAX: Final = 4096
INTERFACE_VERSION: Final = 0x34
RESPONSE: Final = 0x80000000

_DIALLED, _ANSWERED, _ABORTED = 1, 18, 0x81
_MENU, _LAST_WORDS = 2, 17
_PHASES: Final = {_DIALLED: Phase.BEGIN, _ANSWERED: Phase.CONTINUE, _ABORTED: Phase.CANCEL}
_MESSAGE_PAYLOAD: Final = 0x0424
_RECEIPTED_ID: Final = 0x001E
# Parameter: its name, and its octets.
_TLVS: Final = {
    0x0204: ("user_message_reference", 2),
    0x0427: ("message_state", 1),
    0x0501: ("ussd_service_op", 1),
    0x1383: ("its_session_info", 2),
}
# Source: SMPP 3.4, 5.2.19, data_coding; 15 is what USSD itself calls the default alphabet (3GPP TS 23.038, 5).
_GSM_CODINGS: Final = frozenset({0, 15})
_LATIN_CODINGS: Final = frozenset({1, 3})
_UCS2_CODING: Final = 8


class Pdu(NamedTuple):
    command_id: int
    status: int
    sequence: int
    raw: bytes

    def __repr__(self) -> str:
        return f"Pdu({self.command_id:#x})"


class BadLength(Exception):
    """A PDU's length is none: where the next begins is not known any more."""


def cut(came: bytearray) -> list[Pdu]:
    """Takes the whole PDUs off the front of what came; what is behind them stays.

    Raises BadLength where what stands in front has no length: those before it were taken.
    """
    whole = list[Pdu]()
    while len(came) >= HEADER_BYTES:
        length, command_id, status, sequence = struct.unpack_from(">LLLL", came)
        if not HEADER_BYTES <= length <= PDU_BYTES_MAX:
            if whole:
                break
            raise BadLength
        if len(came) < length:
            break
        whole.append(Pdu(command_id, status, sequence, bytes(came[:length])))
        del came[:length]
    return whole


@dataclass(frozen=True)
class Dialog:
    """Whom an answer goes to: the two addresses of the deliver_sm, and the SMSC's own name of the call."""

    phone: str
    phone_ton: int
    phone_npi: int
    code: str
    code_ton: int
    code_npi: int
    session_info: int | None
    reference: int | None

    def __repr__(self) -> str:
        return "Dialog(***)"

    @property
    def number(self) -> str:
        """Fifteen bits of `its_session_info`, or what another SMSC uses for it, or nothing."""
        named = self.reference if self.session_info is None else self.session_info >> 1
        return "" if named is None else str(named)


@dataclass(frozen=True)
class Delivered:
    """One deliver_sm that belongs to a call."""

    dialog: Dialog
    phase: Phase
    sequence: int
    coding: int
    octets: bytes

    def __repr__(self) -> str:
        return f"Delivered({self.phase})"


class NotACall(Exception):
    """A deliver_sm that is no hop of a call: an SMS, a delivery report, an operation we know nothing of."""


class Deliver(DeliverSM):  # type: ignore[misc] # the package carries no types
    """smpplib's deliver_sm, read strictly: every field inside the PDU, every parameter of its own length, once."""

    def __init__(self) -> None:
        super().__init__("deliver_sm", need_sequence=False)
        self.ussd_service_op: int | None = None
        self.sm_length: int | None = None
        self.message_state: int | None = None
        self.receipted_message_id: str | None = None

    def _parse_int(self, field: str, data: bytes, pos: int) -> tuple[bytes, int]:
        size = self.params[field].size
        if pos + size > len(data):
            raise Malformed(field)
        setattr(self, field, int.from_bytes(data[pos : pos + size], "big"))
        return data, pos + size

    def _parse_string(self, field: str, data: bytes, pos: int, length: int | None = None) -> tuple[bytes, int]:
        end = data.find(b"\0", pos, pos + self.params[field].max)
        if end < 0 or not data[pos:end].isascii():
            raise Malformed(field)
        setattr(self, field, data[pos:end].decode())
        return data, end + 1

    def _parse_ostring(self, field: str, data: bytes, pos: int, length: int | None = None) -> tuple[bytes, int]:
        end = pos + (self.sm_length or 0)
        if end > len(data):
            raise Malformed(field)
        self.short_message = data[pos:end]
        return data, end

    def parse_optional_params(self, data: bytes) -> None:
        while data:
            tag, length = struct.unpack_from(">HH", data) if len(data) >= 4 else (0, len(data))
            value, data = data[4 : 4 + length], data[4 + length :]
            if len(value) != length:
                raise Malformed("parameter")
            if tag == _MESSAGE_PAYLOAD and not self.short_message:
                self.short_message = value
            elif tag == _RECEIPTED_ID and value.isascii():
                self.receipted_message_id = value.rstrip(b"\0").decode()
            elif tag in _TLVS:
                name, size = _TLVS[tag]
                if length != size or getattr(self, name) is not None:
                    raise Malformed(name)
                setattr(self, name, int.from_bytes(value, "big"))


def read_fields(pdu: Pdu) -> Deliver:
    """Raises Malformed where it is no whole deliver_sm."""
    fields = Deliver()
    fields.parse(pdu.raw)
    if fields.sm_length is None:
        raise Malformed("sm_length")
    return fields


def read_deliver(pdu: Pdu) -> Delivered:
    """Raises Malformed where it is no whole deliver_sm, and NotACall."""
    fields = read_fields(pdu)
    phase = _PHASES.get(fields.ussd_service_op or 0)
    if phase is None:
        raise NotACall
    dialog = Dialog(
        phone=fields.source_addr,
        phone_ton=fields.source_addr_ton,
        phone_npi=fields.source_addr_npi,
        code=fields.destination_addr,
        code_ton=fields.dest_addr_ton,
        code_npi=fields.dest_addr_npi,
        session_info=fields.its_session_info,
        reference=fields.user_message_reference,
    )
    # The lowest bit says that the call is over; a dial begins one, whatever bit it carries.
    if phase is Phase.CONTINUE and (dialog.session_info or 0) & 1:
        phase = Phase.CANCEL
    return Delivered(dialog, phase, pdu.sequence, fields.data_coding, fields.short_message or b"")


def read_turn(came: Delivered, code: str, wire: str) -> Turn:
    """One hop; `code` is what members dial, `wire` names the connection. Raises Malformed naming the field."""
    phone, dialled = caller_number(came.dialog.phone), came.dialog.code
    text = "" if came.phase in OVER else typed_text(decoded(came.coding, came.octets), "short_message")
    # An answer may be addressed to the code alone or to all that was dialled.
    ours = is_our_code(code, dialled) or beyond_code(code, dialled) is not None
    if came.phase is Phase.BEGIN:
        beyond = beyond_code(code, text or dialled)
        ours, text = ours and beyond is not None, beyond or ""
    return Turn(
        session_id=f"{NAME}:{phone}:{came.dialog.number}",
        phone=phone,
        service_code=code if ours else dialled,
        network_code="",
        text=text,
        phase=came.phase,
        cumulative=False,
        gateway=NAME,
        sequence=came.sequence,
        wire=wire,
    )


def decoded(coding: int, octets: bytes) -> str:
    """Raises Malformed."""
    try:
        if coding in _GSM_CODINGS:
            return from_octets(octets)
        if coding in _LATIN_CODINGS:
            return octets.decode("latin-1")
        if coding == _UCS2_CODING:
            return octets.decode("utf-16-be")
    except (NotGsm, UnicodeDecodeError):
        # Made outside the handler: its own words would show what was typed.
        pass
    raise Malformed("short_message")


class Writer:
    """Makes the PDUs of one connection, whose requests count up."""

    def __init__(self) -> None:
        self._count = SimpleSequenceGenerator()

    def bind(self, command: str, system_id: str, password: str, system_type: str) -> Pdu:
        """`command` is bind_transceiver, bind_transmitter or bind_receiver."""
        return self._request(
            command,
            system_id=system_id,
            password=password,
            system_type=system_type,
            interface_version=INTERFACE_VERSION,
        )

    def bare(self, command: str) -> Pdu:
        """An `enquire_link` or an `unbind`."""
        return self._request(command)

    def answer(self, dialog: Dialog, text: str, *, end: bool) -> Pdu:
        """The words for a screen, to where the turn came from."""
        info = dialog.session_info
        return self._request(
            "submit_sm",
            service_type="USSD",
            source_addr=dialog.code,
            source_addr_ton=dialog.code_ton,
            source_addr_npi=dialog.code_npi,
            destination_addr=dialog.phone,
            dest_addr_ton=dialog.phone_ton,
            dest_addr_npi=dialog.phone_npi,
            short_message=to_octets(text),
            ussd_service_op=_LAST_WORDS if end else _MENU,
            its_session_info=None if info is None else (info & 0xFFFE) | end,
            user_message_reference=dialog.reference,
        )

    def sms(self, sender_id: str, phone: str, text: str) -> Pdu:
        """A text of one part, whose delivery is to be reported (SMPP 3.4, 5.2.17); `phone` is canonical."""
        return self._request(
            "submit_sm",
            source_addr=sender_id,
            source_addr_ton=consts.SMPP_TON_ALNUM,
            source_addr_npi=consts.SMPP_NPI_UNK,
            destination_addr=phone.removeprefix("+"),
            dest_addr_ton=consts.SMPP_TON_INTL,
            dest_addr_npi=consts.SMPP_NPI_ISDN,
            registered_delivery=1,
            short_message=to_octets(text),
        )

    def response(self, command: str, to: int, status: int = consts.SMPP_ESME_ROK) -> bytes:
        """A response, or a generic_nack, to the request numbered `to`."""
        made = make_pdu(command, client=self._count, status=status)
        made.sequence = to
        return bytes(made.generate())

    def _request(self, command: str, **fields: Any) -> Pdu:
        made = make_pdu(command, client=self._count, **fields)
        raw: bytes = made.generate()
        return Pdu(get_command_code(command), 0, made.sequence, raw)
