"""Names that Windows reads in another way are ambiguous."""

from __future__ import annotations

import ntpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.file_names import is_unambiguous

MEANT_OTHERWISE = [
    "aux", "NUL", "nul.png", "Con.tar.gz", "COM1.png", "lpt9", "COM¹", "com².png", "LPT³.x", "CONIN$", "conout$.png",
    "CLOCK$", "aux .png", "a:b.png", "C:x.png", "x.png:stream", "x.png.", "x.png ", "x.png. .", "..", ".", "...", "",
    " ", "a/b", "a\\b", "a\nb", "a\0", "a\x1fb", "a\x7f",
]  # fmt: skip
PLAIN = [
    "photo.png", ".hidden", "auxiliary.png", "com10.png", "nul_.png", "COM.png", "a b.png", "照片.png", "a..b", "con-1",
    "Screenshot 2026-01-01 at 3.41.22\u202fPM.png", "my.aux", "~", "a~b", "a?b.png",
]  # fmt: skip


@pytest.mark.parametrize("name", MEANT_OTHERWISE)
def test_name_that_is_another_on_windows_is_ambiguous(name: str) -> None:
    assert not is_unambiguous(name)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_name_is_unambiguous(name: str) -> None:
    assert is_unambiguous(name)


@pytest.mark.skipif(not hasattr(ntpath, "isreserved"), reason="this Python does not know the rules of Windows")
@given(st.text(st.sampled_from("aAuUxXnNlLcCoOmM1¹.:$ /\\\x1f"), max_size=9))
def test_name_reserved_for_windows_is_ambiguous(name: str) -> None:
    if is_unambiguous(name):
        assert not ntpath.isreserved(name)
