"""The longest value each {field} can take: every text is proved to fit with these, so facts are cut to them."""

NAME_SHOWN_SEPTETS = 16
VILLAGE_SHOWN_SEPTETS = 18
FIRST_NAME_SHOWN_SEPTETS = 12
BANK_SHOWN_SEPTETS = 18
HELPER_SHOWN_SEPTETS = 16
ANSWER_SEPTETS_MAX = 110


def _phrase(septets_max: int) -> str:
    """As long as it may be, and cut into words as any sentence is."""
    return ("WWWWWWW " * septets_max)[: septets_max - 1] + "W"


# Lines and words that are put into other texts; a test proves that each stays within its field.
COMPOSED = {
    "plan": ("plan.",),
    "change": ("change",),
    "fee": ("fee",),
    "savings": ("jht_",),
    "status": ("status.", "behind.step"),
    "state": ("mandate.", "membership."),
    "reason": ("reason.",),
    "what": ("resume.",),
    "retype": ("resume_pin",),
    "payer": ("payer.",),
    "what_paid": ("pay_one", "pay_many"),
    "harvest": ("harvest_days",),
    "relation": ("relation.",),
    "next": ("next.",),
    "closed": ("next_closed",),
    "above": ("terms_above",),
    "posted": ("leave_posted",),
    "said": ("genuine.",),
    "joined": ("group.joined",),
    "named": ("looked_named",),
}

LONGEST = {
    "name": "W" * NAME_SHOWN_SEPTETS,
    "village": "W" * VILLAGE_SHOWN_SEPTETS,
    "bank": "W" * BANK_SHOWN_SEPTETS,
    "account": "***8888",
    "helper": "W" * HELPER_SHOWN_SEPTETS,
    "phone": "+6288888888888",
    "tail": "***8888",
    "otp": "888888",
    "kpj": "***8888",
    "amount": "Rp552.800",
    "amount2": "Rp552.800",
    "max": "Rp552.800",
    "total": "Rp88.888.888",
    "jht": "Rp88.888.888",
    "date": "28-12-2026",
    "until": "28-12-2026",
    "as_of": "28-12-2026",
    "time": "28-12-2026 23.59 WITA",
    "month": "Des 2026",
    "month2": "Des 2026",
    "day": "28/28",
    "count": "888",
    "count2": "888",
    "enrolled": "88888",
    "age_min": "15",
    "age_max": "64",
    "code": "*5000*73#",
    "ref": "WWWWWWWWWWWW",
    "state": _phrase(26),
    "status": _phrase(80),
    "reason": _phrase(30),
    "what": _phrase(20),
    "whose": " " + "W" * FIRST_NAME_SHOWN_SEPTETS,
    "retype": " " + _phrase(45),
    "change": _phrase(29),
    "fee": _phrase(32),
    "plan": _phrase(75),
    "payer": _phrase(16),
    "what_paid": _phrase(115),
    # Three prices within a year would be two changes of the tariff.
    "each": "10xRp552.800+1xRp552.800+1xRp552.800",
    "months": "7,8,9,10,11,12",
    "harvest": _phrase(40),
    "savings": _phrase(50),
    "initials": "W.W.",
    "relation": _phrase(14),
    "next": _phrase(115),
    "closed": " " + _phrase(27),
    # Three lines of a day, a month, and an amount or who paid it.
    "payments": "\n".join(["28-12-2026 Des 2026 " + "W" * 16] * 3),
    "above": _phrase(80),
    "posted": _phrase(40),
    "number_code": "888888",
    "said": _phrase(125),
    "word": "W" * 10,
    "answer": _phrase(ANSWER_SEPTETS_MAX),
    "joined": _phrase(22),
    "place": "RT 888/888",
    "dial": "*5000*73*88888888#",
    "short": "88888888",
    "days": "90",
    "named": _phrase(40),
    "languages": "ID, EN, JV, SU",
    "programmes": "JKK+JKM+JHT",
    "low": "18,2",
    "high": "19,2",
}
