"""The table of file formats, and what agrees with it."""

from __future__ import annotations

from itertools import chain

import pytest

from app.workflows.carriers.carrier import Carrier
from wire.media import FORMATS, INLINE_TYPES, medium_of

READ_FOR_SIZE_ONLY = {Carrier.GIF}


@pytest.mark.parametrize(
    ("media_type", "filename", "medium"),
    [
        ("image/png", "x", "image"),
        ("video/mp4", "x.png", "video"),
        ("", "x.FLAC", "audio"),
        ("application/json", "x.webm", "video"),
        ("", "x.glb", "other"),
        ("", "x.svg", "other"),
    ],
)
def test_medium_follows_type_then_ending(media_type: str, filename: str, medium: str) -> None:
    assert medium_of(media_type, filename) == medium


def test_each_ending_and_type_has_one_format() -> None:
    for names in (chain(*(item.endings for item in FORMATS)), chain(*(item.types for item in FORMATS))):
        found = list(names)
        assert len(found) == len(set(found))


def test_carriers_are_those_that_are_read() -> None:
    named = {item.carrier for item in FORMATS if item.carrier}
    assert named == {carrier.value for carrier in set(Carrier) - READ_FOR_SIZE_ONLY}


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "application/json", "application/pdf"])
def test_format_with_script_is_never_shown_in_place(media_type: str) -> None:
    assert media_type not in INLINE_TYPES
