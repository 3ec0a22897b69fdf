"""The receipt of who pays for others: a village whose fund paid is told in one SMS of all that one file brought."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_

from insurance.attempts import Try
from insurance.receipts import owe, recipient
from insurance.references import new_reference
from insurance.work import Work
from models import CoverMonth, Head, Message, MessageKey, Village, Worker
from texts import FIRST_LANGUAGE
from texts.longest import VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten
from units.money import rupiah
from units.month import day_text

BY_VILLAGE = "village"
_KEY = "fund"


def tell_villages(work: Work, paid: Sequence[Try]) -> None:
    """Owe each village's heads the receipt of those of `paid` that its own fund paid; counts and sums, no names."""
    query = (
        select(CoverMonth.month, CoverMonth.worker_id, Worker.village_code)
        .join(Worker, Worker.id == CoverMonth.worker_id)
        .where(
            tuple_(CoverMonth.month, CoverMonth.worker_id).in_([(one.month, one.worker_id) for one in paid]),
            CoverMonth.payer == BY_VILLAGE,
        )
    )
    villages = {(month, worker_id): code for month, worker_id, code in work.db.execute(query)}
    by_village: dict[str, list[Try]] = {}
    for one in paid:
        if (code := villages.get((one.month, one.worker_id))) is not None:
            by_village.setdefault(code, []).append(one)
    for code, ones in sorted(by_village.items()):
        _tell(work, work.db.get_one(Village, code), ones)


def _tell(work: Work, village: Village, ones: Sequence[Try]) -> None:
    in_office = Head.term_from <= work.today, Head.term_until >= work.today
    query = select(Head).where(Head.village_code == village.code, Head.place == "", *in_office).order_by(Head.id)
    facts = {
        "village": shorten(village.name, VILLAGE_SHOWN_SEPTETS),
        "count": str(len(ones)),
        "total": rupiah(sum(one.total_rp for one in ones)),
        "date": day_text(work.today),
    }
    for head in work.db.scalars(query).unique():
        # A reference of its own for each head: ASLI answers the number that it went to.
        reference = new_reference()
        to = recipient(work, work.keys.shared.open(head.phone_sealed, "head.phone"), FIRST_LANGUAGE, zone=village.zone)
        said = {**facts, "ref": reference}
        owe(work, to, "paid_fund", f"{_KEY}:{reference}", said, told_at_once=False)


def told_to(work: Work, reference: str) -> bytes | None:
    """The blind index of the number that a receipt with this reference went to; None where there is none."""
    key = work.db.get(MessageKey, f"{_KEY}:{reference}")
    message = work.db.get(Message, (key.month, key.message_id)) if key else None
    return message.phone_index if message else None
