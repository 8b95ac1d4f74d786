"""The rest of a browser in memory: tabs with session storage, Web Locks, a clock, random numbers, and crashes.

A `PageLife` is one page load. Its death freezes it for good: its waits never end, and no `finally` runs. A frozen page
returns from its ports only when it is thawed; one in the back/forward cache may be evicted.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.core.model import WindowId
from app.core.ports.transfers import MOST_TRANSFERS
from app.core.ports.windows import Identity
from app.core.presses import Press, read_presses, write_presses

PRESSES = "mooring.presses"


@dataclass
class PageLife:
    """One page load of one tab."""

    loop: asyncio.AbstractEventLoop
    chance: random.Random
    is_alive: bool = True
    is_online: bool = True
    frozen: list[asyncio.Future[Any]] = field(default_factory=list)
    _thawing: asyncio.Event | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether the page is frozen and not dead."""
        return self._thawing is not None

    def freeze(self) -> None:
        """From now on no port returns to the page."""
        self._thawing = self._thawing or asyncio.Event()

    def thaw(self) -> None:
        """Let the ports return everything that has arrived."""
        if self._thawing is not None:
            self._thawing.set()
            self._thawing = None

    async def gate(self) -> None:
        """Wait at a port: a dead page never returns, a frozen one only when it is thawed."""
        while self.is_alive and self._thawing is not None:
            await self._thawing.wait()
        if not self.is_alive:
            never = self.loop.create_future()
            self.frozen.append(never)
            await never

    async def lag(self, least: float = 0.0, most: float = 0.004) -> None:
        """Wait a little, as every operation does."""
        await self.gate()
        await asyncio.sleep(self.chance.uniform(least, most))
        await self.gate()


@dataclass
class Browser:
    """What tabs share: the held Web Locks, if this browser has them, and the computer's clock."""

    has_locks: bool = True
    held: set[WindowId] = field(default_factory=set)
    # Without Web Locks: the pages that answer a roll call.
    answering: dict[WindowId, PageLife] = field(default_factory=dict)
    cached: dict[WindowId, PageLife] = field(default_factory=dict)  # pages in the back/forward cache
    clock_shift: float = 0.0  # seconds by which the clock was set forward
    transfers: list[PageLife] = field(default_factory=list)  # the pages that hold a place for a transfer
    waiting: list[tuple[PageLife, object]] = field(default_factory=list)  # those that wait for one, in their order


@dataclass(eq=False)
class Tab:
    """A tab. `storage` is its session storage, which a duplicate copies."""

    browser: Browser
    storage: dict[str, str] = field(default_factory=dict)
    window_id: WindowId | None = None
    others: set[WindowId] = field(default_factory=set)  # ids of the other windows of its session

    @property
    def ids(self) -> list[WindowId]:
        """All ids that its page holds, the tab's own first."""
        return [self.window_id, *sorted(self.others)] if self.window_id is not None else []

    @property
    def is_private(self) -> bool:
        """Whether its windows are private; a duplicate's are too."""
        return "mooring.private" in self.storage

    def duplicate(self) -> Tab:
        """Return the tab that *duplicate tab* opens."""
        return Tab(self.browser, dict(self.storage))

    def leave(self, *, crashed: bool = False) -> None:
        """End the page: a crash releases its lock too, but fires no `pagehide`."""
        for window_id in self.ids:
            self.browser.held.discard(window_id)
            self.browser.answering.pop(window_id, None)
        if self.window_id is not None and not crashed and not self.browser.has_locks:
            self.storage["mooring.window"] = self.window_id
        self.forget()

    def forget(self) -> None:
        """Forget what its page held."""
        self.window_id = None
        self.others.clear()


class TabWindows:
    """The Windows port, with and without Web Locks (docs/decisions/0013)."""

    def __init__(self, tab: Tab, life: PageLife) -> None:
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
        else:
            browser.answering[window_id] = self._life
        self._tab.window_id = window_id
        return Identity(window_id, is_new, is_duplicate)

    async def claim_other(self, window_id: WindowId) -> bool:
        await self._life.lag()
        browser = self._tab.browser
        if browser.has_locks:
            if window_id in browser.held:
                return False
            browser.held.add(window_id)
        else:
            browser.answering[window_id] = self._life
        self._tab.others.add(window_id)
        return True

    async def is_alive(self, window_id: WindowId) -> bool | None:
        await self._life.gate()
        browser = self._tab.browser
        if not browser.has_locks:  # a roll call: an answer proves life, silence nothing
            there = browser.answering.get(window_id)
            return (there is not None and there.is_alive and not there.is_frozen) or None
        cached = browser.cached.pop(window_id, None)
        if cached is not None:  # asking for its lock evicts it
            cached.is_alive = False
            for each in [window_id, *(name for name, life in browser.cached.items() if life is cached)]:
                browser.cached.pop(each, None)
                browser.held.discard(each)
        return window_id in browser.held


class TabTransfers:
    """The Transfers port: places by Web Locks, or one for each page. The place of a page that has ended is free."""

    def __init__(self, browser: Browser, life: PageLife) -> None:
        self._browser = browser
        self._life = life

    @asynccontextmanager
    async def place(self, path: str) -> AsyncIterator[None]:
        browser, life = self._browser, self._life
        mine = life, object()
        browser.waiting.append(mine)
        try:
            await life.gate()
            while not self._is_next(mine):
                await asyncio.sleep(0.01)
                await life.gate()
        finally:
            browser.waiting.remove(mine)
        browser.transfers.append(life)
        try:
            yield
        finally:
            browser.transfers.remove(life)

    def _is_next(self, mine: tuple[PageLife, object]) -> bool:
        browser = self._browser
        most = MOST_TRANSFERS if browser.has_locks else 1
        held = sum(self._counts(life) for life in browser.transfers)
        return held < most and mine is next((item for item in browser.waiting if self._counts(item[0])), None)

    def _counts(self, life: PageLife) -> bool:
        return life.is_alive if self._browser.has_locks else life is self._life


class TabPressMemory:
    """The PressMemory port: the tab's session storage, which a dead page no longer writes."""

    outlives_line = False

    def __init__(self, tab: Tab, life: PageLife) -> None:
        self._tab = tab
        self._life = life

    def read(self) -> Sequence[Press]:
        return read_presses(self._tab.storage.get(PRESSES, ""))

    def write(self, presses: Sequence[Press]) -> bool:
        text = write_presses(presses)
        if text is not None and self._life.is_alive:
            self._tab.storage[PRESSES] = text
        return text is not None


class LoopClock:
    """The Clock port on the loop's own time, shifted by the computer's clock."""

    def __init__(self, life: PageLife, browser: Browser) -> None:
        self._life = life
        self._browser = browser

    def now(self) -> float:
        return self._life.loop.time() + self._browser.clock_shift

    def steady(self) -> float:
        return self._life.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._life.gate()


class SeededRandom:
    """The Random port, seeded per page load."""

    def __init__(self, life: PageLife) -> None:
        self._life = life

    def uuid4(self) -> str:
        return _uuid(self._life.chance)

    def fraction(self) -> float:
        return self._life.chance.random()


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
