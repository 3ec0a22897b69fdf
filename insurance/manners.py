"""How each kind of text is treated on its way: what goes first, what may go twice, what a member may refuse."""

from typing import Final

CODE, URGENT, RECEIPT, REMINDER, DIGEST = range(5)
"""What goes first. Up to URGENT it is told at once, by night too (rulings 5); the rest keeps to the day."""

CODES: Final = frozenset(
    {
        *("mandate_code", "mandate_code_wrong", "pin_reset_code", "number_code", "invited", "invited_dial"),
        *("succession_old", "succession_new", "named_ask"),
    }
)
OPTIONAL: Final = frozenset({"invite", "step_grace", "step_grace_debit"})
"""Not sent to who wants no reminders. All else is a receipt, an answer, or owed before money moves or cover ends."""

_ANSWERS: Final = frozenset(
    {
        *("guess", "genuine", "genuine_how", "dial_pay", "dial_change", "stop_over"),
        *("help", "help_unknown", "help_head", "not_understood", "status", "status_doubted"),
        *(
            "stop_ask",
            "stop_reminders",
            "reminders_on",
            "stop_many",
            "stop_doubted",
            "stop_nothing",
            "check",
            "check_small",
            "check_few",
        ),
        *("yes_how", "yes_wrong", "yes_tomorrow", "yes_done", "yes_dial", "yes_not", "number_wrong"),
        *("language_set", "language_how", "language_many", "report_ask", "report_many", "report_stranger"),
        *("check_unknown", "check_which", "behind", "behind_few", "behind_named", "join_how"),
        *("weekly_on", "weekly_off", "weekly_how", "succession_how", "succession_not", "succession_wrong"),
        *("place_how", "place_many", "place_set", "group_how", "looked", "looked_never"),
        *("check_wait", "named_wrong", "too_many", "named_yes", "named_no", "named_off"),
        *("reset_stopped", "reset_ended", "reset_none", "reset_asked", "reset_how", "erasure_stopped"),
    }
)
REPEATABLE: Final = CODES | OPTIONAL | _ANSWERS | {"notice", "notice_changed", "step_lapsed", "step_lapsed_debit"}
"""Where nobody knows whether it went, it goes again: twice the same reminder does no harm. A second receipt would."""
CAPPED: Final = OPTIONAL | _ANSWERS
"""Of these a number gets so many a day and no more."""
