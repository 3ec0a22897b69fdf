"""GSM 03.38 as octets, against the codec of another."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from units.gsm import NotGsm, from_octets, septets, to_octets

# Every character of the alphabet and of its extension, by the other codec.
ALPHABET = bytes(code for code in range(128) if code != 0x1B)
CHARACTERS = gsm0338.Codec().decode(ALPHABET)[0] + "^{}\\[~]|€\f"


@given(st.text(alphabet=CHARACTERS, max_size=20))
def test_a_text_is_the_octets_that_another_codec_makes_and_back(text: str) -> None:
    octets = to_octets(text)
    assert octets == gsm0338.Codec().encode(text)[0]
    assert (from_octets(octets), len(octets)) == (text, septets(text))


@given(st.binary(max_size=20))
def test_octets_are_a_text_or_no_gsm(octets: bytes) -> None:
    try:
        text = from_octets(octets)
    except NotGsm:
        assert octets.count(b"\x1b") or any(octet > 127 for octet in octets)
    else:
        assert to_octets(text) == octets


@pytest.mark.parametrize("text", ["`", "ç", "😀", "\x1b"])
def test_what_has_no_place_is_refused(text: str) -> None:
    with pytest.raises(NotGsm):
        to_octets(text)
