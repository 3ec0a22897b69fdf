"""The branches of the menu for those whom others prepared, and for those who prepare them."""

from insurance.enrolment import AgeOutside
from insurance.invitations import AlreadyInvited, NotHelping, TooManyInvited
from insurance.own_yes import CodeSpent
from ussd import facts, fields, invited, officer
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Tree

HELPED: Tree = {
    # The first PIN of who said yes by SMS.
    "first.code": Ask(invited.first_code, "first", then="first.pin", secret=True, unless={CodeSpent: "first.spent"}),
    "first.pin": Ask(fields.changed_pin, "pin", then="first.again", secret=True),
    "first.again": Ask(fields.same_pin, "pin_again", then="first.set", secret=True),
    "first.set": Do(invited.set_first_pin, then="first.done", unless={CodeSpent: "first.spent"}),
    "first.done": Menu({"mandate": "mandate.ready", "later": "goodbye"}),
    "first.spent": End(),
    # Helping others to join.
    "officer": Fork(officer.how_many_villages, {"none": "officer.no", "one": "officer.nik", "many": "officer.village"}),
    "officer.no": End(),
    "officer.village": Pick(officer.villages, "village", then="officer.nik"),
    "officer.nik": Ask(fields.nik, "nik", then="officer.name", unless={AgeOutside: "enrol.age"}),
    "officer.name": Ask(fields.name, "name", then="officer.sector"),
    "officer.sector": Pick(facts.sectors, "sector", then="officer.income"),
    "officer.income": Pick(facts.incomes, "base_rp", then="officer.programmes"),
    "officer.programmes": Pick(facts.programmes, "programmes", then="officer.phone"),
    "officer.phone": Ask(officer.member_phone, "member_phone", then="officer.confirm"),
    "officer.confirm": Menu({"send": "officer.send", "change": "officer.nik"}, facts=officer.terms),
    "officer.send": Do(
        officer.send,
        then="officer.done",
        repeats={AlreadyInvited: "officer.done"},
        unless={NotHelping: "officer.no", TooManyInvited: "officer.too_many"},
    ),
    "officer.done": Menu({"another": "officer"}, facts=officer.days),
    "officer.too_many": End(facts=officer.daily_limit),
}
