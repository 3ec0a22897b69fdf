"""Our own references: short enough for the strictest bank, without the letters people misread."""

import os

from banks.base import REFERENCE_LENGTH

# Crockford's alphabet without I, L, O, U.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 256 is eight times 32, so each letter is as likely as any other.
_LETTER_OF = bytes(_LETTERS[byte % len(_LETTERS)].encode()[0] for byte in range(256))


def new_reference() -> str:
    """60 random bits."""
    return os.urandom(REFERENCE_LENGTH).translate(_LETTER_OF).decode()
