"""The table of file formats, and what agrees with it."""

from __future__ import annotations

from itertools import chain

import pytest

from app.workflows.carriers.carrier import Carrier
from wire.media import FORMATS, INLINE_TYPES, OPAQUE, medium_of, type_of, viewer_of

READ_FOR_SIZE_ONLY = {Carrier.GIF}


@pytest.mark.parametrize(
    ("media_type", "filename", "medium"),
    [
        ("image/png", "x", "image"),
        ("video/mp4", "x.png", "video"),
        ("", "x.FLAC", "audio"),
        ("audio/webm", "x.webm", "audio"),
        (OPAQUE, "x.webm", "video"),
        (OPAQUE, "x.glb", "model"),
        (OPAQUE, "x.svg", "image"),
        (OPAQUE, "x.MD", "text"),
        ("application/json", "x", "text"),
        ("text/html", "x", "text"),
        (OPAQUE, "x.latent", "other"),
        ("", "x", "other"),
    ],
)
def test_medium_follows_type_then_ending(media_type: str, filename: str, medium: str) -> None:
    assert medium_of(media_type, filename) == medium


@pytest.mark.parametrize(
    ("media_type", "filename", "viewer"),
    [
        ("image/png", "x", "image"),
        ("image/svg+xml", "x", "image"),
        (OPAQUE, "x.svg", "image"),
        (OPAQUE, "x.glb", "model"),
        (OPAQUE, "x.gltf", "model"),
        ("model/obj", "x.obj", None),
        ("image/x-exr", "x.exr", None),
        (OPAQUE, "x.tiff", None),
        ("audio/webm", "x.webm", "audio"),
        ("text/markdown; charset=utf-8", "x", "text"),
        ("text/html", "x.html", None),
        (OPAQUE, "x.latent", None),
        (OPAQUE, "x.safetensors", None),
        ("", "x", None),
    ],
)
def test_page_shows_what_it_has_a_viewer_for(media_type: str, filename: str, viewer: str | None) -> None:
    assert viewer_of(media_type, filename) == viewer


@pytest.mark.parametrize(
    ("media_type", "filename", "found"),
    [
        (OPAQUE, "x.svg", "image/svg+xml"),
        ("", "x.glb", "model/gltf-binary"),
        ("audio/webm", "x.webm", "audio/webm"),
        (OPAQUE, "x.latent", OPAQUE),
        (OPAQUE, "x", OPAQUE),
        ("text/html", "x.html", "text/html"),
    ],
)
def test_withheld_type_follows_from_the_ending(media_type: str, filename: str, found: str) -> None:
    assert type_of(media_type, filename) == found


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
