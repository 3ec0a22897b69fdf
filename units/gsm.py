"""GSM 03.38 septets: what fits a screen or one SMS, counted as a phone counts."""

import unicodedata

# Source: 3GPP TS 23.038 6.2.1, the default alphabet and its extension table.
_ESCAPE = "\x1b"
_ALPHABET = (
    f"@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ{_ESCAPE}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {10: "\f", 20: "^", 40: "{", 41: "}", 47: "\\", 60: "[", 61: "~", 62: "]", 64: "|", 101: "€"}
_BASIC = frozenset(_ALPHABET) - {_ESCAPE}
_EXTENDED = frozenset(_EXTENSION.values())
_OCTETS = {char: bytes([code]) for code, char in enumerate(_ALPHABET) if char != _ESCAPE} | {
    char: bytes([_ALPHABET.index(_ESCAPE), code]) for code, char in _EXTENSION.items()
}
_LOOKALIKE = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "`": "'", "\t": " "}

SMS_SEPTETS_MAX = 160
# Four septets of slack: whether a gateway counts its `CON ` to the screen is not known (gateways.md 2.4).
SCREEN_SEPTETS_MAX = 156


class NotGsm(ValueError):
    """A character has no place in GSM 03.38, so the whole text would be sent at 70 characters."""


def septets(text: str) -> int:
    """Septets of `text`; an extension character such as `[` is two. Raises NotGsm naming the character."""
    if _BASIC.issuperset(text):
        return len(text)
    others = [char for char in text if char not in _BASIC]
    for char in others:
        if char not in _EXTENDED:
            raise NotGsm(f"{char!r} is not in GSM 03.38")
    return len(text) + len(others)


def to_octets(text: str) -> bytes:
    """One septet an octet, as SMPP carries the default alphabet. Raises NotGsm."""
    septets(text)
    return b"".join(_OCTETS[char] for char in text)


def from_octets(octets: bytes) -> str:
    """What `to_octets` made, or a phone typed. Raises NotGsm for what stands for no character."""
    text, rest = "", iter(octets)
    for code in rest:
        if code >= len(_ALPHABET):
            raise NotGsm("an octet above 127")
        char = _ALPHABET[code]
        if char == _ESCAPE:
            char = _EXTENSION.get(next(rest, -1), "")
            if not char:
                raise NotGsm("an escape without its character")
        text += char
    return text


def to_gsm(text: str) -> str:
    """The nearest GSM spelling of a name or typed text: accents fall off where they must, the rest becomes `?`."""
    if _BASIC.issuperset(text):
        return text
    out = []
    for char in text:
        if char in _BASIC or char in _EXTENDED:
            out.append(char)
        elif char in _LOOKALIKE:
            out.append(_LOOKALIKE[char])
        else:
            plain = "".join(c for c in unicodedata.normalize("NFKD", char) if c in _BASIC)
            out.append(plain or "?")
    return "".join(out)


def shorten(text: str, septets_max: int) -> str:
    """`text` cut to fit, with two dots where something was cut: `shorten("Siti Rahmawati", 8)` is `"Siti R.."`."""
    text = to_gsm(text)
    if septets(text) <= septets_max:
        return text
    while text and septets(text) > septets_max - 2:
        text = text[:-1]
    return text.rstrip() + ".."
