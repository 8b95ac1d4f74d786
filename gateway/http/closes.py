"""How the gateway closes a browser's WebSocket: the table of codes, and the code of each failure behind it.

A browser's upgrade is answered before the server is dialled (`gateway/http/tunnels.py`), so what goes wrong there is
told by a Close frame. Its code is 4000 and the HTTP status that the same failure has elsewhere; its reason begins
with the cause (`gateway/http/refusal.py`).

    1001  the gateway is ending
    1008  more was sent than is kept until the server has accepted the socket
    1009  one message was too large
    1013  the browser does not read
    1014  the server ended the connection
    4401  whoever opened it is logged out by now
    4404  the fleet has this server no more (unknown-server)
    4409  a newer socket has this client_id on this server: its page has it now
    4410  the fleet has another address for this server by now (server-moved)
    4502  the server cannot be reached, refused the socket, or hung up (connect-failed, upstream-refused, …)
    4503  the older socket of this client_id has not ended at the server yet (upstream-busy)
    4504  the server did not answer in time (timeout)
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.http.refusal import Cause, Refusal

LONGEST_REASON = 123  # bytes of UTF-8, by RFC 6455
_OURS = 4000
_MOVED = 4410  # as HTTP's 410, since the 409 of this refusal is taken


@dataclass(frozen=True, slots=True)
class Close:
    """How a browser's socket is closed: a code of RFC 6455 (or ours, above 4000) and a reason."""

    code: int
    reason: str

    @property
    def message(self) -> bytes:
        """The reason as a Close frame carries it."""
        return self.reason.encode()[:LONGEST_REASON].decode(errors="ignore").encode()


GATEWAY_ENDS = Close(1001, "the gateway is ending")
TOO_MUCH = Close(1008, "too much was sent before the server has accepted the socket")
TOO_SLOW = Close(1013, "the browser does not read")
SERVER_GONE = Close(1014, "the server ended the connection")
LOGGED_OUT = Close(4401, "not-logged-in: this session is over")
REPLACED = Close(4409, "a newer socket has this client_id")


def close_of(refusal: Refusal) -> Close:
    """The Close that tells a browser what would be a refusal over HTTP."""
    code = _MOVED if refusal.cause is Cause.SERVER_MOVED else _OURS + refusal.cause.status
    return Close(code, f"{refusal.cause.word}: {refusal.message}")
