"""Our own references: short enough for the strictest bank, without the letters people misread."""

import secrets

# Crockford's alphabet without I, L, O, U; twelve characters because CIMB and BRI allow no more (programme.md 3.4).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 12


def new_reference() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(REFERENCE_LENGTH))
