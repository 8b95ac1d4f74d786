"""The encodings that a browser accepts."""

from __future__ import annotations

import pytest

from gateway.site.codings import accepted


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip, deflate, br, zstd", {"zstd", "gzip"}),
        ("gzip, deflate", {"gzip"}),
        ("ZSTD;q=0.5, gzip; q=1.0", {"zstd", "gzip"}),
        ("zstd;q=0, gzip", {"gzip"}),
        ("zstd; q=0.000, gzip;q=0.001", {"gzip"}),
        ("zstandard, gzipped", set()),
        ("identity", set()),
        ("", set()),
    ],
)
def test_accepted_encodings_are_read(header: str, takes: set[str]) -> None:
    assert accepted(header) & {"zstd", "gzip"} == takes
