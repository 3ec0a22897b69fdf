"""The whole menu as one tree; its words are in texts/ under the same names."""

from insurance.bank_codes import NoNewCode
from insurance.enrolment import (
    AgeOutside,
    AlreadyEnrolled,
    AlreadyEnrolledHere,
    LeftBefore,
    OfficialsOthers,
    PhoneFull,
)
from insurance.mandates import AccountFull, AlreadyMandated, HeldBack, MembershipRefused, NoMandate
from insurance.own_yes import InvitationOver, OfficialsNumber
from insurance.paying import AboveMaximum, NotOwed, StopOpen, TriedToday, TriesUsed
from ussd import actions, facts, fields, invited, member, payments
from ussd.helped_menu import HELPED
from ussd.member_menu import LOCKED, MEMBER
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Tree

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
    "language": Pick(facts.languages, "language", then="language.for"),
    "language.for": Fork(actions.how_many, {"none": "language.set", "one": "language.set", "many": "language.who"}),
    "language.who": Pick(facts.sms_for, "sms_for", then="language.set"),
    "language.set": Do(actions.set_language, then="main"),
    "help": Menu({"report": "report", "complain": "complain", "officer": "officer", "genuine": "genuine.ref"}),
    "not_enrolled": Menu({"enrol": "enrol.nik", "number": "number.code"}),
    "pin.locked": End(facts=facts.locked_until),
    # Who is calling: the engine leads here whenever a screen is for the person's eyes, and back behind it.
    "prove": Fork(invited.has_pin, {"yes": "prove.pin", "no": "first.code"}),
    "prove.pin": Ask(fields.own_pin, "checked", then="main", secret=True, unless=LOCKED),
    "sim.held": End(facts=facts.hold_ends),
    # Enrolment.
    "enrol.nik": Ask(
        invited.nik_or_code,
        "nik",
        then="enrol.who",
        unless={AgeOutside: "enrol.age", AlreadyEnrolledHere: "mandate"},
    ),
    # Who was invited is asked for no more than the price needs; the yes behind the PIN shows it whole.
    "enrol.who": Fork(
        invited.is_invited,
        {"no": "enrol.name", "asks": "enrol.sector", "unpriced": "enrol.programmes", "priced": "enrol.pin"},
    ),
    "enrol.name": Ask(fields.name, "name", then="enrol.village"),
    "enrol.village": Fork(actions.knows_village, {"yes": "enrol.sector", "no": "enrol.village_pick"}),
    "enrol.village_pick": Pick(
        facts.villages,
        "village",
        then="enrol.sector",
        goes={facts.OTHER_VILLAGE: "enrol.village_code"},
        none="enrol.village_code",
    ),
    "enrol.village_code": Ask(fields.village, "village", then="enrol.sector", holds=fields.village_stands),
    "enrol.sector": Pick(facts.sectors, "sector", then="enrol.income"),
    "enrol.income": Pick(facts.incomes, "base_rp", then="enrol.programmes"),
    "enrol.programmes": Pick(facts.programmes, "programmes", then="enrol.pin", shown="programmes_shown"),
    "enrol.pin": Ask(fields.new_pin, "pin", then="enrol.pin_again", secret=True),
    "enrol.pin_again": Ask(fields.same_pin, "pin_again", then="enrol.confirm", secret=True),
    "enrol.confirm": Menu(
        {"yes": "enrol", "change": "enrol.change"}, facts=facts.enrolment_terms, consent=actions.ENROL_YES
    ),
    # Who wants something else than what was prepared is asked for it, and not for the code again.
    "enrol.change": Fork(
        invited.is_invited,
        {"no": "enrol.nik", "asks": "enrol.sector", "unpriced": "enrol.sector", "priced": "enrol.sector"},
    ),
    "enrol": Do(
        actions.enrol,
        then="enrol.done",
        repeats={AlreadyEnrolledHere: "enrol.here"},
        unless={
            LeftBefore: "enrol.left",
            AlreadyEnrolled: "enrol.already",
            AgeOutside: "enrol.age",
            PhoneFull: "enrol.phone_full",
            OfficialsOthers: "enrol.officer",
            OfficialsNumber: "enrol.officer",
            InvitationOver: "enrol.over",
            actions.TermsChanged: "enrol.confirm",
        },
    ),
    "enrol.done": Menu({"mandate": "mandate", "later": "goodbye", "heirs": "heirs"}),
    "enrol.here": Menu({"mandate": "mandate", "later": "goodbye", "heirs": "heirs"}),
    "goodbye": End(),
    "enrol.already": End(),
    "enrol.left": End(),
    "enrol.age": End(facts=facts.ages),
    "enrol.phone_full": End(facts=facts.phone_workers),
    "enrol.officer": End(),
    "enrol.over": End(),
    # Autodebit.
    "mandate": Fork(actions.how_many, {"none": "not_enrolled", "one": "mandate.ready", "many": "mandate.who"}),
    "mandate.who": Pick(facts.who, "worker", then="mandate.ready"),
    "mandate.ready": Fork(invited.has_pin, {"yes": "mandate.fork", "no": "first.code"}),
    "mandate.fork": Fork(actions.waits_for_code, {"yes": "mandate.code", "no": "mandate.menu"}),
    # Ending it stands first in each: it is what must never be searched for (rulings 13).
    "mandate.menu": Fork(
        actions.mandate_stands,
        {
            "none": "mandate.bank",
            "asked": "mandate.asked",
            "active": "mandate.have",
            "held": "mandate.held",
            "ended": "data.ended",
        },
    ),
    "mandate.asked": Menu({"cancel": "mandate.cancel"}, facts=facts.mandate_facts),
    "mandate.have": Menu(
        {
            "cancel": "mandate.cancel",
            "pay": "mandate.pay",
            "pause": "mandate.pause",
            "account": "mandate.replace",
        },
        facts=facts.mandate_facts,
    ),
    "mandate.held": Menu(
        {"cancel": "mandate.cancel", "resume": "mandate.resume_pin", "account": "mandate.replace"},
        facts=facts.mandate_facts,
    ),
    "mandate.replace": Pick(facts.replaced, "replaces", then="mandate.bank", facts=facts.mandate_facts),
    "mandate.bank": Pick(facts.banks, "bank", then="mandate.account"),
    "mandate.account": Ask(fields.account, "account", then="mandate.holder", facts=facts.chosen_bank),
    "mandate.holder": Menu({"mine": "mandate.day", "other": "mandate.other_holder"}, facts=facts.own_name),
    "mandate.other_holder": End(),
    "mandate.day": Pick(facts.days_or_harvest, "when", then="mandate.consent", goes={facts.HARVEST: "mandate.harvest"}),
    "mandate.harvest": Ask(fields.harvest, "harvest", then="mandate.harvest_day"),
    "mandate.harvest_day": Pick(facts.days, "harvest_day", then="mandate.other_day"),
    "mandate.other_day": Pick(facts.days, "other_day", then="mandate.consent"),
    "mandate.consent": Menu(
        {"agree": "mandate.pin", "refuse": "mandate.none"}, facts=facts.mandate_terms, consent=actions.MANDATE_YES
    ),
    "mandate.pin": Ask(fields.own_pin, "checked", then="mandate.authorise", secret=True, unless=LOCKED),
    "mandate.authorise": Do(
        actions.authorise,
        then="mandate.done",
        unless={
            AlreadyMandated: "mandate.menu",
            HeldBack: "held_back",
            MembershipRefused: "mandate.refused",
            AccountFull: "mandate.account_full",
            actions.TermsChanged: "mandate.consent",
        },
    ),
    "mandate.done": End(facts=facts.asked_bank),
    "mandate.none": End(),
    "mandate.refused": End(),
    "mandate.account_full": End(),
    "mandate.cancel": Menu({"keep": "mandate.menu", "cancel": "mandate.cancel_pin"}, facts=facts.mandate_facts),
    "mandate.cancel_pin": Ask(fields.own_pin, "checked", then="mandate.cancel_do", secret=True, unless=LOCKED),
    "mandate.cancel_do": Do(actions.cancel_mandate, then="mandate.cancelled", unless={NoMandate: "mandate.gone"}),
    "mandate.cancelled": End(),
    "mandate.gone": End(),
    # The bank's code.
    "mandate.code": Ask(
        fields.bank_code,
        "bank_code",
        then="mandate.code_do",
        facts=facts.code_bank,
        secret=True,
        unless={fields.OtherWish: "mandate.menu", fields.NewCode: "mandate.new_code"},
    ),
    "mandate.code_do": Do(actions.give_code, then="mandate.code_done", unless={NoMandate: "mandate.gone"}),
    "mandate.code_done": End(),
    "mandate.new_code": Do(
        actions.want_new_code,
        then="mandate.new_code_done",
        unless={NoMandate: "mandate.gone", NoNewCode: "mandate.no_new_code"},
    ),
    "mandate.new_code_done": End(),
    "mandate.no_new_code": End(),
    # Paying by a yes of its own.
    "mandate.pay": Pick(payments.payable, "pay", then="mandate.pay_confirm", none="mandate.pay_nothing"),
    "mandate.pay_nothing": End(),
    "mandate.pay_confirm": Menu(
        {"agree": "mandate.pay_pin", "refuse": "mandate.none"},
        facts=payments.payment_terms,
        consent=payments.PAYMENT_YES,
    ),
    "mandate.pay_pin": Ask(fields.own_pin, "checked", then="mandate.pay_do", secret=True, unless=LOCKED),
    "mandate.pay_do": Do(
        payments.pay,
        then="mandate.pay_done",
        unless={
            StopOpen: "mandate.pay_stop_open",
            NoMandate: "mandate.gone",
            MembershipRefused: "mandate.refused",
            NotOwed: "mandate.pay_taken",
            TriedToday: "mandate.pay_tomorrow",
            TriesUsed: "mandate.pay_used_up",
            AboveMaximum: "mandate.pay_above",
            actions.TermsChanged: "mandate.pay_confirm",
        },
    ),
    "mandate.pay_done": End(facts=facts.mandate_facts),
    "mandate.pay_stop_open": End(),
    "mandate.pay_taken": End(),
    "mandate.pay_tomorrow": End(),
    "mandate.pay_used_up": End(),
    "mandate.pay_above": End(),
    # Pausing and going on.
    "mandate.pause": Pick(payments.pauses, "pause", then="mandate.pause_confirm"),
    "mandate.pause_confirm": Menu(
        {"keep": "mandate.menu", "pause": "mandate.pause_pin"}, facts=payments.pause_terms, consent=payments.PAUSE_SHOWN
    ),
    "mandate.pause_pin": Ask(fields.own_pin, "checked", then="mandate.pause_do", secret=True, unless=LOCKED),
    "mandate.pause_do": Do(
        payments.pause,
        then="mandate.paused",
        unless={NoMandate: "mandate.gone", actions.TermsChanged: "mandate.pause_confirm"},
    ),
    "mandate.paused": End(),
    "mandate.resume_pin": Ask(fields.own_pin, "checked", then="mandate.resume_do", secret=True, unless=LOCKED),
    "mandate.resume_do": Do(
        payments.resume, then="mandate.resumed", unless={NoMandate: "mandate.gone", HeldBack: "held_back"}
    ),
    "mandate.resumed": End(),
    # Cover and balance.
    "cover": Fork(actions.how_many, {"none": "not_enrolled", "one": "cover.show", "many": "cover.who"}),
    "cover.who": Pick(facts.who, "worker", then="cover.show"),
    # Cover is read without a PIN; typing it here shows the amounts a screen sooner than an option would.
    "cover.show": Ask(
        fields.own_pin, "checked", then="cover.amounts", facts=facts.cover_facts, secret=True, unless=LOCKED
    ),
    "cover.amounts": Menu({"next": "cover.next", "last": "cover.last"}, facts=facts.amounts),
    "cover.next": End(facts=member.next_debit),
    "cover.last": End(facts=member.last_paid),
    # My data.
    "data": Fork(actions.how_many, {"none": "not_enrolled", "one": "data.fork", "many": "data.who"}),
    "data.who": Pick(facts.who, "worker", then="data.fork"),
    "data.fork": Fork(actions.membership_stands, {"ended": "data.ended", "stands": "data.show"}),
    "data.show": Menu(
        {
            "pin": "data.ready",
            "terms": "terms.income",
            "heirs": "heirs.pin",
            "number": "number.new",
            "leave": "leave.confirm",
        },
        facts=facts.own_data,
    ),
    "data.ready": Fork(invited.may_change_pin, {"yes": "data.pin_old", "no": "first.code"}),
    "data.pin_old": Ask(fields.own_pin, "checked", then="data.pin_new", secret=True, unless=LOCKED),
    "data.pin_new": Ask(fields.changed_pin, "pin", then="data.pin_again", secret=True),
    "data.pin_again": Ask(fields.same_pin, "pin_again", then="data.pin_change", secret=True),
    "data.pin_change": Do(actions.change_pin, then="data.pin_done"),
    "data.pin_done": End(),
    **MEMBER,
    **HELPED,
}
