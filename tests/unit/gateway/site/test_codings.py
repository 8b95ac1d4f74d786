"""The encodings that a browser accepts."""

from __future__ import annotations

import pytest

from gateway.site.codings import accepted


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip, deflate, br, zstd", {"br", "gzip"}),
        ("gzip, deflate", {"gzip"}),
        ("BR;q=0.5, gzip; q=1.0", {"br", "gzip"}),
        ("br;q=0, gzip", {"gzip"}),
        ("br; q=0.000, gzip;q=0.001", {"gzip"}),
        ("vibrant, gzipped", set()),
        ("identity", set()),
        ("", set()),
    ],
)
def test_accepted_encodings_are_read(header: str, takes: set[str]) -> None:
    assert accepted(header) & {"br", "gzip"} == takes
