"""Busy answers of something in front of a server, and when it asks to be tried again."""

from __future__ import annotations

import pytest

from app.core.busy import BUSY, LEAST_WAIT, MOST_WAIT, busy_in_front, retry_after
from app.core.errors import ServerBusy
from app.core.model import ServerId
from app.core.ports.http import Response

A = ServerId("gpu-a")
DATE = "Wed, 02 Dec 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": " 17 "}, 17.0),
        ({"retry-after": "0"}, LEAST_WAIT),
        ({"retry-after": "9" * 400}, MOST_WAIT),
        ({"retry-after": "Wed, 02 Dec 2026 08:00:40 GMT", "date": DATE}, 40.0),
        ({"retry-after": "Wed, 02 Dec 2026 07:00:00 GMT", "date": DATE}, LEAST_WAIT),
        ({"retry-after": "Wed, 02 Dec 2026 08:00:40 GMT"}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_and_bounded(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("status", [429, 502, 503])
def test_statuses_of_a_proxy_are_busy(status: int) -> None:
    found = busy_in_front(Response(status, {"retry-after": "5"}), A)
    assert isinstance(found, ServerBusy)
    assert (found.server_id, found.cause, found.retry_after) == (A, BUSY, 5.0)


@pytest.mark.parametrize(
    "response", [Response(504), Response(500), Response(200), Response(503, {"x-mooring-gateway": "gateway-busy"})]
)
def test_other_answers_are_not_busy(response: Response) -> None:
    assert busy_in_front(response, A) is None
