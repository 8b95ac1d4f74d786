"""Something in front of a server, a proxy, that answers in its place that it is busy.

ComfyUI itself answers no request for work with these statuses, and the gateway's own refusals have a header. 429 is
given before anything is passed on. So are 502 and 503 mostly, but a proxy that loses its connection to the server after
it has passed the request on says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from app.core.errors import ServerBusy
from app.core.model import ServerId, Task, TaskState
from app.core.ports.http import Response

BUSY = "proxy-busy"  # the cause
NOT_PASSED_ON = 429
_STATUSES = frozenset({NOT_PASSED_ON, 502, 503})
LEAST_WAIT, MOST_WAIT = 1.0, 300.0  # seconds, whatever the answer asks for


def busy_in_front(response: Response, server_id: ServerId | None) -> ServerBusy | None:
    """Return the error if something in front of the server has answered in its place; else None."""
    if response.status not in _STATUSES or "x-mooring-gateway" in response.headers:
        return None
    return ServerBusy(server_id, BUSY, retry_after(response.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, bounded; a date counts from the answer's own `Date`. None: it has none."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        seconds = float(asked[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(MOST_WAIT, max(LEAST_WAIT, seconds))


def is_looked_up(task: Task) -> bool:
    """Whether the prompt of this task met a busy answer, and it is not known yet whether the server has queued it."""
    return task.state is TaskState.UNCLEAR and _last_unclear(task) == BUSY


def _last_unclear(task: Task) -> str:
    return next((note.detail for note in reversed(task.notes) if note.kind == "unclear"), "")
