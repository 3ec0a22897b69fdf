"""The longest value each {field} can take: every text is proved to fit with these, so facts are cut to them."""

NAME_SHOWN_SEPTETS = 16
VILLAGE_SHOWN_SEPTETS = 18
BANK_SHOWN_SEPTETS = 18

LONGEST = {
    "name": "W" * NAME_SHOWN_SEPTETS,
    "village": "W" * VILLAGE_SHOWN_SEPTETS,
    "bank": "W" * BANK_SHOWN_SEPTETS,
    "account": "***8888",
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
    "day": "28",
    "days": "28",
    "minutes": "1440",
    "count": "888",
    "enrolled": "88888",
    "age_min": "15",
    "age_max": "64",
    "code": "*5000*73#",
    "ref": "WWWWWWWWWWWW",
    "state": "W" * 26,
    "status": "W" * 80,
    "reason": "W" * 30,
    "what": "W" * 20,
    "change": "W" * 29,
    "fee": "W" * 29,
    "initials": "W.W.",
    "programmes": "JKK+JKM+JHT",
    "low": "18,2",
    "high": "19,2",
}
