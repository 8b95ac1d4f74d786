"""How a browser's socket is closed when its server fails."""

from __future__ import annotations

from gateway.http.closes import LONGEST_REASON, REPLACED, close_of
from gateway.http.refusal import Refusal
from wire.refusals import Cause


def test_the_code_is_that_of_the_same_failure_over_http() -> None:
    codes = {cause: close_of(Refusal(cause, "x")).code for cause in Cause}
    assert codes[Cause.CONNECT_FAILED] == codes[Cause.UPSTREAM_REFUSED] == codes[Cause.UPSTREAM_LOST] == 4502
    assert (codes[Cause.UPSTREAM_BUSY], codes[Cause.TIMEOUT]) == (4503, 4504)


def test_moved_server_has_another_code_than_newer_socket() -> None:
    assert close_of(Refusal(Cause.SERVER_MOVED, "x")).code == 4410 != REPLACED.code
    assert close_of(Refusal(Cause.UNKNOWN_SERVER, "x")).code == 4404


def test_the_reason_begins_with_the_cause_and_fits_a_close_frame() -> None:
    close = close_of(Refusal(Cause.CONNECT_FAILED, "ä" * 200))
    assert close.message.startswith(b"connect-failed: ")
    assert LONGEST_REASON - 1 <= len(close.message) <= LONGEST_REASON
    assert close.message.decode().endswith("ä"), "no letter is cut in half"
