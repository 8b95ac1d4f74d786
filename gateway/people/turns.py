"""A user's turn to submit to a server: one prompt at a time, so that the next one is counted with it in the queue.

    turn = turns.of(server_id, name)
    await turn.take(seconds)   # once the whole body has arrived, in the task that outlives the browser
    ...                        # count the user's prompts on the server, and send this one
    turn.end()                 # when the server has answered

A turn is known to one gateway. Where there are several, all prompts to a server pass one of them
(docs/decisions/0006-nginx-in-front.md); otherwise a user may have one prompt more for each further gateway.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.http.refusal import Cause, Refusal, Refused
from gateway.http.servers import ServerId

RETRY_SECONDS = 2.0

_Key = tuple[ServerId, str]


@dataclass(slots=True)
class _Line:
    """The submits of one user to one server."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0  # that hold the lock or wait for it


class SubmitTurns:
    """The turns of all users. A line exists while it is used."""

    def __init__(self) -> None:
        self._lines: dict[_Key, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def of(self, server_id: ServerId, name: str) -> SubmitTurn:
        """Return a turn that is not taken yet."""
        return SubmitTurn(self._lines, (server_id, name))


class SubmitTurn:
    """One submit's turn. `end` may be called at any time, and more than once."""

    def __init__(self, lines: dict[_Key, _Line], key: _Key) -> None:
        self._lines = lines
        self._key = key
        self._line: _Line | None = None  # while it is held

    async def take(self, seconds: float) -> None:
        """Wait for the turn; `Refused` if it does not come in time."""
        line = self._lines.setdefault(self._key, _Line())
        line.users += 1
        try:
            async with asyncio.timeout(seconds):
                await line.lock.acquire()
            self._line = line
        except TimeoutError as error:
            message = f"{self._key[0]} has not answered to your earlier prompt yet; this one is sent after it."
            raise Refused(Refusal(Cause.NOT_YOUR_TURN, message, retry_after=RETRY_SECONDS)) from error
        finally:
            if self._line is None:
                self._leave(line)

    def end(self) -> None:
        """Let the user's next submit take its turn."""
        line, self._line = self._line, None
        if line is not None:
            line.lock.release()
            self._leave(line)

    def _leave(self, line: _Line) -> None:
        line.users -= 1
        if not line.users:
            del self._lines[self._key]
