"""The whole menu as one tree; its words are in texts/ under the same names."""

from insurance.enrolment import AgeOutside, AlreadyEnrolled, AlreadyEnrolledHere, PhoneFull
from insurance.mandates import AccountFull, AlreadyMandated, MembershipRefused, NoMandate
from insurance.pin import PinLocked
from ussd import actions, facts, fields
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Tree

_LOCKED: dict[type[Exception], str] = {PinLocked: "pin.locked"}

MENU: Tree = {
    "main": Menu(
        {
            "enrol": "enrol.nik",
            "mandate": "mandate",
            "cover": "cover",
            "data": "data",
            "help": "help",
            "language": "language",
        }
    ),
    "resume": Menu({"go_on": "main", "again": "main", "not_me": "main"}, facts=facts.left_off),
    "language": Do(actions.switch_language, then="main"),
    "help": End(),
    "not_enrolled": Menu({"enrol": "enrol.nik"}),
    "pin.locked": End(facts=facts.locked_until),
    # Enrolment.
    "enrol.nik": Ask(fields.nik, "nik", then="enrol.name", unless={AgeOutside: "enrol.age"}),
    "enrol.name": Ask(fields.name, "name", then="enrol.village_pick"),
    "enrol.village_pick": Pick(
        facts.villages,
        "village",
        then="enrol.sector",
        goes={facts.OTHER_VILLAGE: "enrol.village_code"},
        none="enrol.village_code",
    ),
    "enrol.village_code": Ask(fields.village, "village", then="enrol.sector"),
    "enrol.sector": Pick(facts.sectors, "sector", then="enrol.income"),
    "enrol.income": Pick(facts.incomes, "base_rp", then="enrol.programmes"),
    "enrol.programmes": Pick(facts.programmes, "programmes", then="enrol.pin"),
    "enrol.pin": Ask(fields.new_pin, "pin", then="enrol.pin_again", secret=True),
    "enrol.pin_again": Ask(fields.same_pin, "pin_again", then="enrol.confirm", secret=True),
    "enrol.confirm": Menu(
        {"yes": "enrol", "change": "enrol.nik"}, facts=facts.enrolment_terms, consent=actions.ENROL_YES
    ),
    "enrol": Do(
        actions.enrol,
        then="enrol.done",
        repeats={AlreadyEnrolledHere: "enrol.here"},
        unless={
            AlreadyEnrolled: "enrol.already",
            AgeOutside: "enrol.age",
            PhoneFull: "enrol.phone_full",
            actions.TermsChanged: "enrol.confirm",
        },
    ),
    "enrol.done": Menu({"mandate": "mandate", "later": "goodbye"}),
    "enrol.here": Menu({"mandate": "mandate", "later": "goodbye"}),
    "goodbye": End(),
    "enrol.already": End(),
    "enrol.age": End(facts=facts.ages),
    "enrol.phone_full": End(facts=facts.phone_workers),
    # Autodebit.
    "mandate": Fork(actions.how_many, {"none": "not_enrolled", "one": "mandate.fork", "many": "mandate.who"}),
    "mandate.who": Pick(facts.who, "worker", then="mandate.fork"),
    "mandate.fork": Fork(actions.has_mandate, {"yes": "mandate.have", "no": "mandate.bank"}),
    "mandate.have": Menu({"cancel": "mandate.cancel"}, facts=facts.mandate_facts),
    "mandate.bank": Pick(facts.banks, "bank", then="mandate.account"),
    "mandate.account": Ask(fields.account, "account", then="mandate.holder", facts=facts.chosen_bank),
    "mandate.holder": Menu({"mine": "mandate.day", "other": "mandate.other_holder"}, facts=facts.own_name),
    "mandate.other_holder": End(),
    "mandate.day": Pick(facts.days, "day", then="mandate.consent"),
    "mandate.consent": Menu(
        {"agree": "mandate.pin", "refuse": "mandate.none"}, facts=facts.mandate_terms, consent=actions.MANDATE_YES
    ),
    "mandate.pin": Ask(fields.own_pin, "checked", then="mandate.authorise", secret=True, unless=_LOCKED),
    "mandate.authorise": Do(
        actions.authorise,
        then="mandate.done",
        unless={
            AlreadyMandated: "mandate.have",
            MembershipRefused: "mandate.refused",
            AccountFull: "mandate.account_full",
            actions.TermsChanged: "mandate.consent",
        },
    ),
    "mandate.done": End(facts=facts.mandate_facts),
    "mandate.none": End(),
    "mandate.refused": End(),
    "mandate.account_full": End(),
    "mandate.cancel": Menu({"keep": "mandate.have", "cancel": "mandate.cancel_pin"}, facts=facts.mandate_facts),
    "mandate.cancel_pin": Ask(fields.own_pin, "checked", then="mandate.cancel_do", secret=True, unless=_LOCKED),
    "mandate.cancel_do": Do(actions.cancel_mandate, then="mandate.cancelled", unless={NoMandate: "mandate.gone"}),
    "mandate.cancelled": End(),
    "mandate.gone": End(),
    # Cover and balance.
    "cover": Fork(actions.how_many, {"none": "not_enrolled", "one": "cover.show", "many": "cover.who"}),
    "cover.who": Pick(facts.who, "worker", then="cover.show"),
    "cover.show": Menu({"amounts": "cover.pin"}, facts=facts.cover_facts),
    "cover.pin": Ask(fields.own_pin, "checked", then="cover.amounts", secret=True, unless=_LOCKED),
    "cover.amounts": End(facts=facts.amounts),
    # My data.
    "data": Fork(actions.how_many, {"none": "not_enrolled", "one": "data.show", "many": "data.who"}),
    "data.who": Pick(facts.who, "worker", then="data.show"),
    "data.show": Menu({"pin": "data.pin_old"}, facts=facts.own_data),
    "data.pin_old": Ask(fields.own_pin, "checked", then="data.pin_new", secret=True, unless=_LOCKED),
    "data.pin_new": Ask(fields.changed_pin, "pin", then="data.pin_again", secret=True),
    "data.pin_again": Ask(fields.same_pin, "pin_again", then="data.pin_change", secret=True),
    "data.pin_change": Do(actions.change_pin, then="data.pin_done"),
    "data.pin_done": End(),
}
