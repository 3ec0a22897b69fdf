"""Members by the dozen, verified and with a mandate, without their calls; and banks that say yes to them. No test."""

from collections.abc import Mapping
from dataclasses import replace

from autodebit.mandates import ask_banks
from banks.base import Bank
from insurance import enrolment, handover, mandates
from insurance.consent import Yes
from insurer.base import RegistrationResult, ResultFile
from models import Membership
from ports import Ports
from tests.stand_ins import Paying
from tests.world import World
from units.nik import parse_nik


def join(ports: Ports, bank: str, account: str, nik: str, phone: str, name: str = "PESERTA A") -> None:
    """One member: enrolled, verified by the insurer, with a yes to a mandate that the bank was not asked for yet."""
    yes = Yes("enrolment", "v", "id", f"ya {phone}", "session", phone)
    with ports.transaction() as work:
        asked = enrolment.Enrolment(
            nik=parse_nik(nik, work.today),
            name=name,
            village_code="3599012001",
            sector="farmer",
            base_rp=1_000_000,
            programmes="3",
            language="id",
            phone=phone,
            pin_hash="",
            yes=yes,
        )
        worker = enrolment.enrol(work, asked)
        work.db.flush()
        reference = work.db.get_one(Membership, worker.id).reference
        verified = RegistrationResult(reference, "VERIFIED", f"26{nik[-9:]}", "")
        handover.apply(work, ResultFile(f"r{nik[-9:]}", [verified], []))
        mandates.authorise(work, worker, bank, account, 5, replace(yes, kind="mandate"))


def crew(world: World, counts: Mapping[str, int]) -> Ports:
    """So many members at each bank, whose first debit is due now; each bank agrees and pays."""
    banks: dict[str, Bank] = {code: Paying(code) for code in counts}
    ports = replace(world.ports, banks=banks)
    number = 0
    for code, count in counts.items():
        for _ in range(count):
            number += 1
            serial = f"{number:04d}"
            join(ports, code, f"{code}000{serial}", f"359901170890{serial}", f"+62857000{serial}0")
    ask_banks(ports)
    return ports


def with_bank(ports: Ports, bank: Bank) -> Ports:
    """The same, with another bank in the place of one of them."""
    return replace(ports, banks={**ports.banks, bank.code: bank})
