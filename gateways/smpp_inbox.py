"""Takes texts and reports from an operator's SMSC by a connection of its own; each is acknowledged once it is kept."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.base import DeliveryReport, Malformed, SmsIn
from gateways.smpp import Pdu
from gateways.smpp_keep import PATIENT, Keeper, Patience
from gateways.smpp_sms import read_text
from gateways.smpp_wire import Smsc, Wire

log = structlog.get_logger()

Keep = Callable[[SmsIn | DeliveryReport], bool]
"""Stores and answers; False where it could not be stored now, and is to be brought again."""


class Inbox(Keeper):
    def __init__(self, smsc: Smsc, keep: Keep, *, decimal_ids: bool, patience: Patience = PATIENT) -> None:
        super().__init__(replace(smsc, bind="bind_receiver"), patience)
        self._keep, self._decimal_ids = keep, decimal_ids
        self._does[get_command_code("deliver_sm")] = self._deliver

    def run(self) -> None:
        super().run()
        self._close()

    def _deliver(self, wire: Wire, pdu: Pdu) -> None:
        wire.send(wire.make.response("deliver_sm_resp", pdu.sequence, self._status(wire, pdu)))

    def _status(self, wire: Wire, pdu: Pdu) -> int:
        """What it is answered with: kept, never to be kept, or to be brought again."""
        try:
            came = read_text(pdu, wire.name, decimal_ids=self._decimal_ids)
        except Malformed as error:
            log.warning("smpp_sms_malformed", field=str(error))
            # Rejected for good: the same again would be as unreadable.
            return int(consts.SMPP_ESME_RX_R_APPN)
        return int(consts.SMPP_ESME_ROK if self._keep(came) else consts.SMPP_ESME_RX_T_APPN)
