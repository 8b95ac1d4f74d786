"""When a file was written, as its server says: by that a picture that is not this task's own is told from it."""

from __future__ import annotations

import pytest

from app.core.ports import Response
from app.session.deliver import _modified

FOUR = 1795665600.0  # 26 November 2026, 4:00 UTC


@pytest.mark.parametrize(
    ("told", "modified"),
    [
        ("Thu, 26 Nov 2026 04:00:00 GMT", FOUR),
        ("Thu, 26 Nov 2026 06:00:00 +0200", FOUR),
        ("Thu, 26 Nov 2026 04:00:00 -0000", FOUR),
        ("lately", None),
        (None, None),
    ],
)
def test_a_time_is_read_as_the_server_meant_it(told: str | None, modified: float | None) -> None:
    assert _modified(Response(200, {} if told is None else {"last-modified": told})) == modified
