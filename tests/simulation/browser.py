"""The rest of a browser in memory: tabs with their session storage, Web Locks, a clock, chance, and death.

A `Life` is one page load. A crash freezes it: whatever it waits for never comes, and no `finally` runs.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from app.core.model import WindowId
from app.core.ports import Identity


@dataclass
class Life:
    """One page load of one tab."""

    loop: asyncio.AbstractEventLoop
    chance: random.Random
    is_alive: bool = True
    frozen: list[asyncio.Future[Any]] = field(default_factory=list)

    async def gate(self) -> None:
        """Every port passes here: a frozen page never comes back from it."""
        if not self.is_alive:
            never = self.loop.create_future()
            self.frozen.append(never)
            await never

    async def lag(self, least: float = 0.0, most: float = 0.004) -> None:
        """A little time, as everything takes."""
        await self.gate()
        await asyncio.sleep(self.chance.uniform(least, most))
        await self.gate()


@dataclass
class Browser:
    """What tabs share: the Web Locks that are held, if this browser has them."""

    has_locks: bool = True
    held: set[WindowId] = field(default_factory=set)


@dataclass
class Tab:
    """One tab. `storage` is its session storage, which a duplicate copies."""

    browser: Browser
    storage: dict[str, str] = field(default_factory=dict)
    window_id: WindowId | None = None

    def duplicate(self) -> Tab:
        """The tab that *duplicate tab* opens."""
        return Tab(self.browser, dict(self.storage))

    def leave(self, *, crashed: bool = False) -> None:
        """The page goes away: a crash releases its lock too, but fires no `pagehide`."""
        if self.window_id is not None:
            self.browser.held.discard(self.window_id)
            if not crashed and not self.browser.has_locks:
                self.storage["mooring.window"] = self.window_id
        self.window_id = None


class TabWindows:
    """The Windows port: DESIGN 8, *Window identity*, with and without Web Locks."""

    def __init__(self, tab: Tab, life: Life) -> None:
        self._tab = tab
        self._life = life

    async def claim(self) -> Identity:
        await self._life.lag()
        found = self._tab.storage.get("mooring.window")
        browser = self._tab.browser
        if not browser.has_locks:
            self._tab.storage.pop("mooring.window", None)
        is_duplicate = found is not None and browser.has_locks and WindowId(found) in browser.held
        is_new = found is None or is_duplicate
        window_id = WindowId(found) if found and not is_new else WindowId(_uuid(self._life.chance))
        if browser.has_locks:
            browser.held.add(window_id)
            self._tab.storage["mooring.window"] = window_id
        self._tab.window_id = window_id
        return Identity(window_id, is_new, is_duplicate)

    async def is_alive(self, window_id: WindowId) -> bool | None:
        await self._life.gate()
        return window_id in self._tab.browser.held if self._tab.browser.has_locks else None


class LoopClock:
    """The Clock port on the loop's own time."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def now(self) -> float:
        return self._life.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._life.gate()


class SeededRandom:
    """The Random port, seeded per page load."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def uuid4(self) -> str:
        return _uuid(self._life.chance)

    def fraction(self) -> float:
        return self._life.chance.random()


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
