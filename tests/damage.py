"""Files that add up, sealed by hand, and what happens to a file on its way: bytes turned, lines lost or doubled."""

import hashlib
from collections.abc import Iterable

from hypothesis import strategies as st


def sealed(*lines: str, numbers: Iterable[int]) -> bytes:
    """A file whose trailer is right, made here and not by the code that is tested."""
    body = "".join(f"{line}\n" for line in lines).encode()
    return body + f"T,{','.join(map(str, numbers))},{hashlib.sha256(body).hexdigest()}\n".encode()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` after one or two accidents; by chance it may be the same again."""
    for _ in range(draw(st.integers(1, 2))):
        content = draw(draw(st.sampled_from(_ACCIDENTS))(content))
    return content


def _turned(content: bytes) -> st.SearchStrategy[bytes]:
    where = st.integers(0, max(0, len(content) - 1))
    return st.builds(lambda at, bit: content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :], where, _BITS)


def _cut(content: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(1, max(1, len(content) - 1)).map(lambda size: content[:size])


def _doubled(content: bytes) -> st.SearchStrategy[bytes]:
    lines = content.splitlines(keepends=True)
    return _places(lines).map(lambda at: b"".join([*lines[: at + 1], *lines[at:]]))


def _lost(content: bytes) -> st.SearchStrategy[bytes]:
    lines = content.splitlines(keepends=True)
    return _places(lines).map(lambda at: b"".join(lines[:at] + lines[at + 1 :]))


def _swapped(content: bytes) -> st.SearchStrategy[bytes]:
    lines = content.splitlines(keepends=True)
    return st.permutations(lines).map(b"".join)


def _twice(content: bytes) -> st.SearchStrategy[bytes]:
    return st.just(content + content)


def _digit(content: bytes) -> st.SearchStrategy[bytes]:
    """A number that became another one, as in a sum made up by hand."""
    digits = [at for at, byte in enumerate(content) if chr(byte).isdigit()] or [0]
    return st.builds(
        lambda at, new: content[:at] + new + content[at + 1 :],
        st.sampled_from(digits),
        st.integers(0, 9).map(lambda digit: str(digit).encode()),
    )


def _places(lines: list[bytes]) -> st.SearchStrategy[int]:
    return st.integers(0, max(0, len(lines) - 1))


_BITS = st.integers(0, 7).map(lambda bit: 1 << bit)
_ACCIDENTS = (_turned, _cut, _doubled, _lost, _swapped, _twice, _digit)
