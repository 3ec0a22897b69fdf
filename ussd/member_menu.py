"""The branches of the menu for what a member may do with the membership, and for complaints and reports."""

from insurance.enrolment import NotAMember, OfficialsOthers, PhoneFull
from insurance.leaving import NotLeft
from insurance.mandates import HeldBack
from insurance.numbers import AskedAlready, NumberLeft, NumbersFull, SameNumber, WrongCode
from insurance.pin import NoPin, PinLocked
from insurance.terms import Unchanged
from ussd import actions, facts, fields, member, reports
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Tree

LOCKED: dict[type[Exception], str] = {PinLocked: "pin.locked", NoPin: "first.code"}


_NO_NUMBER: dict[type[Exception], str] = {
    NotAMember: "data.ended",
    SameNumber: "number.same",
    PhoneFull: "enrol.phone_full",
    OfficialsOthers: "enrol.officer",
}


def _own_pin(then: str) -> Ask:
    return Ask(fields.own_pin, "checked", then=then, secret=True, unless=LOCKED)


MEMBER: Tree = {
    # Heirs: after enrolment, outside its count (rulings 21).
    "heirs": Fork(actions.how_many, {"none": "not_enrolled", "one": "heirs.fork", "many": "heirs.who"}),
    "heirs.who": Pick(facts.who, "worker", then="heirs.fork"),
    "heirs.fork": Fork(actions.membership_stands, {"ended": "data.ended", "stands": "heirs.pin"}),
    "heirs.pin": _own_pin("heirs.show"),
    "heirs.show": Pick(member.heirs, "heir", then="heirs.name"),
    "heirs.name": Ask(fields.name, "heir_name", then="heirs.relation"),
    "heirs.relation": Pick(member.relations, "relation", then="heirs.confirm"),
    "heirs.confirm": Menu({"yes": "heirs.save", "change": "heirs.name"}, facts=member.heir_facts),
    "heirs.save": Do(member.name_heir, then="heirs.done", unless={NotAMember: "data.ended"}),
    "heirs.done": End(),
    # Other programmes, another income.
    "terms.income": Pick(facts.incomes, "base_rp", then="terms.programmes"),
    "terms.programmes": Pick(member.programmes, "programmes", then="terms.confirm"),
    "terms.confirm": Menu(
        {"agree": "terms.pin", "refuse": "terms.none"}, facts=member.terms_facts, consent=member.TERMS_YES
    ),
    "terms.none": End(),
    "terms.pin": _own_pin("terms.do"),
    "terms.do": Do(
        member.change_terms,
        then="terms.fork",
        repeats={Unchanged: "terms.same"},
        unless={NotAMember: "data.ended", actions.TermsChanged: "terms.confirm"},
    ),
    "terms.same": End(),
    "terms.fork": Fork(member.above_maximum, {"yes": "terms.above", "no": "terms.done"}),
    "terms.above": Menu({"account": "mandate.replace", "later": "goodbye"}),
    "terms.done": End(),
    # Another number: asked for here, confirmed there.
    "number.new": Ask(member.new_number, "phone", then="number.confirm"),
    "number.confirm": Menu(
        {"yes": "number.pin", "both": "number.pin_both", "change": "number.new"}, facts=member.number_facts
    ),
    "number.pin": _own_pin("number.do"),
    "number.do": Do(
        member.ask_number,
        then="number.asked",
        repeats={AskedAlready: "number.asked", NumberLeft: "number.left"},
        unless=_NO_NUMBER,
    ),
    "number.left": End(),
    "number.pin_both": _own_pin("number.add"),
    "number.add": Do(
        member.add_number,
        then="number.asked",
        repeats={AskedAlready: "number.asked"},
        unless={**_NO_NUMBER, NumbersFull: "number.enough"},
    ),
    "number.enough": End(),
    "number.asked": End(),
    "number.same": End(),
    "number.code": Ask(member.number_code, "number_code", then="number.code_do", secret=True),
    "number.code_do": Do(member.confirm_number, then="number.done", unless={WrongCode: "number.wrong"}),
    "number.done": End(),
    "number.wrong": End(),
    # Leaving, and joining again.
    "leave.confirm": Menu(
        {"keep": "data.show", "leave": "leave.pin"}, facts=member.leave_facts, consent=member.LEAVE_YES
    ),
    "leave.pin": _own_pin("leave.do"),
    "leave.do": Do(
        member.leave,
        then="leave.done",
        repeats={NotAMember: "leave.done"},
        unless={actions.TermsChanged: "leave.confirm"},
    ),
    "leave.done": End(),
    "data.ended": Menu({"rejoin": "rejoin.confirm"}, facts=facts.own_data),
    "rejoin.confirm": Menu(
        {"agree": "rejoin.pin", "refuse": "terms.none"}, facts=member.rejoin_facts, consent=member.REJOIN_YES
    ),
    "rejoin.pin": _own_pin("rejoin.do"),
    "rejoin.do": Do(
        member.rejoin,
        then="enrol.done",
        repeats={NotLeft: "enrol.done"},
        unless={HeldBack: "held_back", actions.TermsChanged: "rejoin.confirm"},
    ),
    "held_back": End(),
    # Complaints and reports.
    "complain": Fork(actions.how_many, {"none": "complain.what", "one": "complain.what", "many": "complain.who"}),
    "complain.who": Pick(facts.who, "worker", then="complain.what"),
    "complain.what": Pick(reports.complaints, "complaint", then="complain.do"),
    "complain.do": Do(reports.complain, then="complain.done"),
    "complain.done": End(facts=reports.complaint_facts),
    "report": Fork(actions.how_many, {"none": "report.stranger", "one": "report.what", "many": "report.who"}),
    "report.stranger": End(),
    "report.who": Pick(facts.who, "worker", then="report.what"),
    "report.what": Menu({"accident": "report.accident", "death": "report.death"}, facts=reports.who_facts),
    # Its yes has another key than the choice before: a key that bounces says nothing.
    "report.accident": Menu({"no": "report.none", "yes": "report.accident_do"}, facts=reports.who_facts),
    "report.accident_do": Do(reports.accident, then="report.accident_done"),
    "report.accident_done": End(facts=reports.accident_facts),
    "report.death": Menu({"yes": "report.death_do", "no": "report.none"}, facts=reports.who_facts),
    "report.death_do": Do(reports.death, then="report.death_done"),
    "report.death_done": End(facts=reports.death_facts),
    "report.none": End(),
    # Whether an SMS was ours.
    "genuine.ref": Ask(reports.reference, "ref", then="genuine.said"),
    "genuine.said": End(facts=reports.genuine_facts),
}
