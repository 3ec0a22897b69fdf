"""Our own references: short enough for the strictest bank, without the letters people misread."""

import os

# Crockford's alphabet without I, L, O, U; twelve characters because CIMB and BRI allow no more (programme.md 3.4).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 12
# 256 is eight times 32, so each letter is as likely as any other.
_LETTER_OF = bytes(_LETTERS[byte % len(_LETTERS)].encode()[0] for byte in range(256))


def new_reference() -> str:
    """60 random bits."""
    return os.urandom(REFERENCE_LENGTH).translate(_LETTER_OF).decode()
