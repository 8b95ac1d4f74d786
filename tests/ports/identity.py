"""What the session relies on in a window's identity: checks over tabs that open, reload, duplicate and close.

In CPython the tabs are the simulation's; in `tests/e2e/test_identity.py` they are real tabs of Chromium. Each check
runs with Web Locks and without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from app.core.ports.windows import Identity


class Tabs(Protocol):
    """The tabs of one browser. A tab is whatever `open` returns."""

    has_locks: bool

    async def open(self) -> Any:
        """Open a tab as a user does."""

    async def duplicate(self, tab: Any) -> Any:
        """Open a second tab with a copy of this one's session storage."""

    async def reload(self, tab: Any) -> None:
        """Reload the page of a tab."""

    async def close(self, tab: Any) -> None:
        """Close a tab."""

    async def claim(self, tab: Any) -> Identity:
        """Return the result of `Windows.claim` in a tab."""

    async def claim_other(self, tab: Any, window_id: str) -> bool:
        """Return the result of `Windows.claim_other` in a tab."""

    async def is_alive(self, tab: Any, window_id: str) -> bool | None:
        """Return the result of `Windows.is_alive` in a tab."""


Check = Callable[[Tabs], Awaitable[None]]


def checks() -> dict[str, Check]:
    """Return all checks of this module by name."""
    return {name: value for name, value in globals().items() if name.startswith("check_")}


async def check_duplicate_is_another_window_and_survives_its_original(tabs: Tabs) -> None:
    tab = await tabs.open()
    first = await tabs.claim(tab)
    twin = await tabs.duplicate(tab)
    second = await tabs.claim(twin)
    assert second.is_new
    assert second.window_id != first.window_id
    assert second.is_duplicate == tabs.has_locks  # without locks a duplicate is not recognised
    await tabs.reload(tab)
    assert (await tabs.claim(tab)).window_id == first.window_id
    await tabs.close(tab)
    await tabs.reload(twin)
    reclaimed = await tabs.claim(twin)
    assert reclaimed.window_id == second.window_id
    assert not reclaimed.is_duplicate


async def check_new_window_keeps_its_id_and_its_death_is_known_with_locks(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open()
    mine, theirs = await tabs.claim(tab), await tabs.claim(other)
    assert mine.is_new and theirs.is_new
    assert not mine.is_duplicate and not theirs.is_duplicate
    assert mine.window_id != theirs.window_id
    numbered = f"{mine.window_id}+1"
    gone = False if tabs.has_locks else None  # without Web Locks silence proves nothing
    assert await tabs.is_alive(tab, theirs.window_id) is True
    assert await tabs.is_alive(tab, "never was") is gone
    assert await tabs.is_alive(other, numbered) is gone
    assert await tabs.claim_other(tab, numbered)
    assert await tabs.is_alive(tab, numbered) is True
    assert await tabs.is_alive(other, numbered) is True
    if tabs.has_locks:
        assert not await tabs.claim_other(other, numbered)
    await tabs.reload(tab)
    assert await tabs.claim(tab) == Identity(mine.window_id, is_new=False), "asking changes nothing"
    assert await tabs.is_alive(other, numbered) is gone, "a reload releases it until it is enlisted"
    assert await tabs.claim_other(tab, numbered)
    await tabs.close(tab)
    assert await tabs.is_alive(other, numbered) is gone
    assert await tabs.is_alive(other, mine.window_id) is gone
