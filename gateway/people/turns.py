"""A user's turn to submit to a server: one prompt at a time, so that the next one is counted with it in the queue.

    turn = turns.of(server_id, name)
    await turn.take(seconds, prompt_id)   # once the whole body has arrived, in the task that outlives the browser
    ...                                   # count the user's prompts on the server, and send this one
    turn.end(is_clear)                    # when the server has answered, or has not

A prompt without an answer may still be queued later: it is counted until the server shows it, or has not shown it for a
minute after it answered again.

A turn is known to one gateway. Where there are several, all prompts to a server pass one of them
(docs/decisions/0006-nginx-in-front.md); otherwise a user may have one prompt more for each further gateway.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.people.keyed_locks import KeyedLocks
from wire.refusals import Cause

RETRY_SECONDS = 2.0
ABSENT_SECONDS = 60.0  # that a prompt without an answer may still be queued after the server did not show it

_Key = tuple[ServerId, str]


class SubmitTurns:
    """The turns of all users, as many as are used, and the prompts that servers did not answer."""

    def __init__(self, absent_seconds: float = ABSENT_SECONDS) -> None:
        self.locks = KeyedLocks[_Key]()
        self.unclear: dict[_Key, dict[str, float]] = {}  # until when each prompt counts although it is not shown
        self.absent_seconds = absent_seconds

    def of(self, server_id: ServerId, name: str) -> SubmitTurn:
        """Return a turn that is not taken yet."""
        return SubmitTurn(self, (server_id, name))


class SubmitTurn:
    """One submit's turn. `end` may be called at any time, and more than once."""

    def __init__(self, turns: SubmitTurns, key: _Key) -> None:
        self._turns = turns
        self._key = key
        self._prompt_id: str | None = None  # while it has the lock

    async def take(self, seconds: float, prompt_id: str) -> None:
        """Wait for the turn; `Refused` if it does not come in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._turns.locks.acquire(self._key)
                self._prompt_id = prompt_id
        except TimeoutError as error:
            message = f"{self._key[0]} has not answered to your earlier prompt yet; this one is sent after it."
            raise RefusedRequest(Refusal(Cause.NOT_YOUR_TURN, message, retry_after=RETRY_SECONDS)) from error

    async def count_unclear(self, is_shown: Callable[[str], Awaitable[bool]]) -> int:
        """Return how many prompts of this user may still be queued, of which the server shows nothing yet."""
        count = 0
        unclear = self._turns.unclear.get(self._key, {})
        now = asyncio.get_running_loop().time()
        for prompt_id, until in list(unclear.items()):
            if await is_shown(prompt_id) or now > until:
                del unclear[prompt_id]
            else:
                unclear[prompt_id] = min(until, now + self._turns.absent_seconds)
                count += 1
        return count

    def end(self, is_clear: bool = True) -> None:
        """Let the user's next submit take its turn; `is_clear` is whether this one is known to be queued or refused."""
        if self._prompt_id is None:
            return
        unclear = self._turns.unclear
        if not is_clear:
            unclear.setdefault(self._key, {})[self._prompt_id] = math.inf
        elif not unclear.get(self._key, True):
            del unclear[self._key]
        self._prompt_id = None
        self._turns.locks.release(self._key)
