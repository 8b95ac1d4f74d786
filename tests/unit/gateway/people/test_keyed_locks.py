"""Locks by key, which exist while they are used."""

from __future__ import annotations

import asyncio

import pytest

from gateway.people.keyed_locks import KeyedLocks


async def test_one_caller_at_a_time_holds_a_key() -> None:
    locks = KeyedLocks[str]()
    await locks.acquire("a")
    second = asyncio.create_task(locks.acquire("a"))
    await locks.acquire("b")  # does not wait
    await asyncio.sleep(0)
    assert not second.done()
    locks.release("a")
    await second


async def test_lock_is_forgotten_when_no_caller_has_it() -> None:
    locks = KeyedLocks[str]()
    async with locks.hold("a"):
        leaving, staying = (asyncio.create_task(locks.acquire("a")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    await staying
    assert len(locks) == 1
    locks.release("a")
    assert not len(locks)
