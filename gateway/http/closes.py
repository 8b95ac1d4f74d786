"""How the gateway closes a browser's WebSocket: the table of codes, and the code for each refusal.

A browser's upgrade is answered before the connection to the server exists (`gateway/http/tunnels.py`), so later
failures are sent in a Close frame. Its code is 4000 plus the HTTP status of the same failure (4410 for server-moved);
its reason begins with the cause (`gateway/http/refusal.py`).

    1001  the gateway is ending
    1008  more was sent than is kept until the server has accepted the socket
    1009  one message was too large
    1013  the browser does not read, or had most messages unread when the memory for them was full
    1014  the server ended the connection
    4401  its user is logged out now
    4404  the fleet no longer has this server (unknown-server)
    4409  a newer socket has this client_id on this server, opened by another page
    4410  the fleet now has another address for this server (server-moved)
    4502  the server cannot be reached, refused the socket, or hung up (connect-failed, upstream-refused, …)
    4503  the older socket of this client_id has not ended at the server yet (upstream-busy)
    4504  the server did not answer in time (timeout)
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.http.refusal import Refusal
from wire.refusals import Cause

LONGEST_REASON = 123  # bytes of UTF-8, by RFC 6455
_OURS = 4000
_MOVED = 4410  # as HTTP's 410, since 4409 has another meaning


@dataclass(frozen=True, slots=True)
class Close:
    """The close of a browser's socket: a code of RFC 6455 (or ours, above 4000) and a reason."""

    code: int
    reason: str

    @property
    def message(self) -> bytes:
        """The reason, cut to fit into a Close frame."""
        return self.reason.encode()[:LONGEST_REASON].decode(errors="ignore").encode()


GATEWAY_ENDS = Close(1001, "the gateway is ending")
TOO_MUCH = Close(1008, "too much was sent before the server has accepted the socket")
TOO_SLOW = Close(1013, "the browser does not read")
NO_ROOM = Close(1013, "too many messages to this user's windows, or to all, are unread")
SERVER_GONE = Close(1014, "the server ended the connection")
LOGGED_OUT = Close(4401, "not-logged-in: this session is over")
REPLACED = Close(4409, "a newer socket has this client_id")


def close_of(refusal: Refusal) -> Close:
    """Return the Close for a failure that would be a refusal over HTTP."""
    code = _MOVED if refusal.cause is Cause.SERVER_MOVED else _OURS + refusal.cause.status
    return Close(code, f"{refusal.cause.code}: {refusal.message}")
