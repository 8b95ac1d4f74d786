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

from gateway.http.refusal import Cause, Refusal, Refused
from gateway.http.servers import ServerId
from gateway.people.keyed_locks import KeyedLocks

RETRY_SECONDS = 2.0

_Key = tuple[ServerId, str]


class SubmitTurns:
    """The turns of all users, as many as are used."""

    def __init__(self) -> None:
        self._locks = KeyedLocks[_Key]()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, server_id: ServerId, name: str) -> SubmitTurn:
        """Return a turn that is not taken yet."""
        return SubmitTurn(self._locks, (server_id, name))


class SubmitTurn:
    """One submit's turn. `end` may be called at any time, and more than once."""

    def __init__(self, locks: KeyedLocks[_Key], key: _Key) -> None:
        self._locks = locks
        self._key = key
        self._has_lock = False

    async def take(self, seconds: float) -> None:
        """Wait for the turn; `Refused` if it does not come in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._locks.acquire(self._key)
                self._has_lock = True
        except TimeoutError as error:
            message = f"{self._key[0]} has not answered to your earlier prompt yet; this one is sent after it."
            raise Refused(Refusal(Cause.NOT_YOUR_TURN, message, retry_after=RETRY_SECONDS)) from error

    def end(self) -> None:
        """Let the user's next submit take its turn."""
        if self._has_lock:
            self._has_lock = False
            self._locks.release(self._key)
