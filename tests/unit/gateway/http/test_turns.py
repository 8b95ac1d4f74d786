"""Few pass per turn of the event loop, in order, and networks take turns."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http.turns import MANY, Turns


class Passed:
    """What has passed, by turn of the event loop."""

    def __init__(self, most: int, most_of_many: int | None = None) -> None:
        self.turns: list[list[str]] = []
        self.queue: Turns[str] = Turns(self._note, most, most_of_many)

    def _note(self, item: str) -> None:
        self.turns[-1].append(item)

    async def run(self, turns: int) -> list[list[str]]:
        """Let this many turns of the event loop pass."""
        self.turns.clear()
        for _ in range(turns):
            self.turns.append([])
            await asyncio.sleep(0)
        return self.turns


async def test_few_pass_per_turn_and_networks_take_turns() -> None:
    passed = Passed(2)
    for item in ("a1", "a2", "a3", "a4", "b1", "c1"):
        passed.queue.wait(item[0], item)
    assert await passed.run(5) == [["a1", "b1"], ["c1", "a2"], ["a3", "a4"], [], []]
    assert len(passed.queue) == 0


async def test_fewer_pass_per_turn_while_many_wait() -> None:
    passed = Passed(4, 1)
    for item in range(MANY + 2):
        passed.queue.wait("a", str(item))
    assert [len(turn) for turn in await passed.run(4)] == [1, 1, 4, 4]


async def test_first_of_a_turn_need_not_wait() -> None:
    passed = Passed(2)
    assert [passed.queue.may_pass() for _ in range(3)] == [True, True, False]
    await passed.run(1)
    assert passed.queue.may_pass()


async def test_none_overtakes_another_that_waits() -> None:
    passed = Passed(2)
    passed.queue.wait("a", "a1")
    assert not passed.queue.may_pass()
    assert await passed.run(1) == [["a1"]]


async def test_those_that_waited_count_for_their_turn() -> None:
    passed = Passed(2)
    for item in ("a1", "a2"):
        passed.queue.wait("a", item)
    await passed.run(1)
    assert not passed.queue.may_pass()


async def test_longest_line_loses_its_latest() -> None:
    passed = Passed(1)
    for item in ("a1", "b1", "b2", "b3"):
        passed.queue.wait(item[0], item)
    assert [passed.queue.drop(), passed.queue.drop(), len(passed.queue)] == ["b3", "b2", 2]
    assert sorted(passed.queue.clear()) == ["a1", "b1"]
    assert await passed.run(2) == [[], []]
    with pytest.raises(KeyError):
        passed.queue.drop()
