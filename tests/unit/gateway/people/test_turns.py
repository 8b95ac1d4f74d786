"""Prompts that a server did not answer count until it is clear what became of them."""

from __future__ import annotations

from gateway.http.servers import ServerId
from gateway.people.turns import SubmitTurns

SERVER = ServerId("a")


async def end_one(turns: SubmitTurns, prompt_id: str, is_clear: bool, shown: frozenset[str] = frozenset()) -> int:
    """Return how many prompts counted as unclear in this one's turn."""

    async def is_shown(asked: str) -> bool:
        return asked in shown

    turn = turns.of(SERVER, "alice")
    await turn.take(1.0, prompt_id)
    count = await turn.count_unclear(is_shown)
    turn.end(is_clear)
    turn.end(not is_clear)  # is ignored
    return count


async def test_prompt_counts_until_the_server_shows_it() -> None:
    turns = SubmitTurns()
    assert await end_one(turns, "1", False) == 0
    assert await end_one(turns, "2", True) == 1
    assert await end_one(turns, "3", True, frozenset({"1"})) == 0
    assert not turns.unclear and not turns.locks


async def test_prompt_that_is_never_shown_counts_for_a_while() -> None:
    turns = SubmitTurns(absent_seconds=0.0)
    assert await end_one(turns, "1", False) == 0
    assert await end_one(turns, "2", True) == 1, "the server is asked for the first time"
    assert await end_one(turns, "3", True) == 0
    assert not turns.unclear
