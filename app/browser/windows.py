"""The identity of this window, and whether another one lives: the core's `Windows`, with and without Web Locks.

`sessionStorage` keeps the id over a reload, and is copied into a duplicated tab, so an id found there is only a claim.

With Web Locks the claim needs the lock of that name, which the window then holds for as long as it lives. A page
in the back/forward cache holds its lock too, but a request for it evicts that page. A refused window waits a moment
before it concludes that the other one lives.

Without Web Locks (a page in no secure context) the id is in `sessionStorage` only from `pagehide` until the next
load takes it out: a tab that is duplicated while its page is open copies nothing. Whether another window lives is then
asked over a BroadcastChannel: an answer proves life, and silence proves nothing, for that window may be frozen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

from app.browser.clock import BrowserRandom
from app.browser.owned import owned
from app.browser.values import error_name, error_text, js_object, present
from app.core.errors import StorageError
from app.core.model import WindowId
from app.core.ports.windows import Identity

KEY = "mooring.window"
_LOCKS = "mooring-window:"
# Chromium evicts a cached page immediately; an `is_alive` of another window may hold the lock for a moment.
EVICTION_SECONDS = 1.0
OWN_SECONDS = 30.0  # for an id that no other window can have: only a busy browser delays it
CALL_SECONDS = 0.4  # for a list on a panel, which repeats the call while it is shown
ALL_WINDOWS = "*"
ANSWER_SECONDS = 1.5  # a hidden window answers immediately, a busy one when Python gets its turn

log = logging.getLogger("mooring.browser")


class BrowserWindows:
    """The identity of this window. `reclaim` is for a page that returns from the back/forward cache."""

    def __init__(self, on_claim: Callable[[Identity], None] = lambda _identity: None) -> None:
        self._identity: Identity | None = None
        self._others: set[WindowId] = set()
        self._on_claim = on_claim
        self._locks: Any = present(getattr(js.navigator, "locks", None))
        self._held = _Promise()
        self._listener: Any = None
        self._roll: RollCall | None = None if self._locks else RollCall()

    async def claim(self) -> Identity:
        """This window's id: the one from before a reload, or a new one. Never one that another window uses."""
        if self._identity is None:
            self._identity = await (self._claim_by_lock() if self._locks else self._claim_by_hand())
            if self._roll is not None:
                self._roll.answer_for(self._identity.window_id)
            self._on_claim(self._identity)
            log.info("this window is %s", self._identity)
        return self._identity

    async def claim_other(self, window_id: WindowId) -> bool:
        """Hold the id of another window of this session. Only this window's next page will claim it."""
        if self._roll is not None:
            self._roll.answer_for(window_id)
        elif not (
            await self._lock(window_id, self._held, 0) or await self._lock(window_id, self._held, EVICTION_SECONDS)
        ):
            return False
        self._others.add(window_id)
        return True

    async def is_alive(self, window_id: WindowId) -> bool | None:
        """Whether that window lives; None if this browser cannot determine it. The query evicts a cached page."""
        if window_id in self._others or (self._identity is not None and window_id == self._identity.window_id):
            return True
        if self._roll is not None:
            return await self._roll.is_there(window_id) or None
        held = (await self._locks.query()).held
        if not any(lock.name == _lock_name(window_id) for lock in held):
            return False
        test = _Promise()
        if not await self._lock(window_id, test, EVICTION_SECONDS, mode="shared"):
            return True
        test.resolve()
        return False

    async def present(self) -> frozenset[WindowId]:
        """All windows that show a sign of life, with the others of their sessions; a frozen one shows it by its lock.

        It evicts no page, so one in the back/forward cache counts; without locks, silence counts as absence.
        """
        mine = {*self._others, *([self._identity.window_id] if self._identity is not None else [])}
        if self._roll is not None:
            return frozenset({*mine, *await self._roll.call()})
        held = (await self._locks.query()).held
        named = (_window_of(str(lock.name)) for lock in held)
        return frozenset({*mine, *(window_id for window_id in named if window_id is not None)})

    async def reclaim(self) -> bool:
        """Whether this page, back from the cache, still has its id. If not, only a reload helps."""
        if self._identity is None or self._locks:
            return True  # another window's request for the lock would have evicted this page
        return _take_out() == self._identity.window_id

    async def _claim_by_lock(self) -> Identity:
        known = _read()
        if known is not None and (
            await self._lock(known, self._held, 0) or await self._lock(known, self._held, EVICTION_SECONDS)
        ):
            return Identity(known, is_new=False)
        minted = _mint()
        if not await self._lock(minted, self._held, OWN_SECONDS):
            raise StorageError("claim", "blocked", "a new window cannot get its own lock")
        _write(minted)
        return Identity(minted, is_new=True, is_duplicate=known is not None)

    async def _claim_by_hand(self) -> Identity:
        known = _take_out()
        identity = Identity(known or _mint(), is_new=known is None)
        self._listener = create_proxy(lambda _event: _write(identity.window_id))
        js.window.addEventListener("pagehide", self._listener)
        return identity

    async def _lock(self, window_id: WindowId, hold: _Promise, seconds: float, mode: str = "exclusive") -> bool:
        """Whether the lock was granted within `seconds`; it is then held until `hold` is resolved."""
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def granted(lock: Any) -> Any:
            if not asked.done():
                asked.set_result(present(lock) is not None)
            return hold.js if present(lock) is not None else None

        wait = {"signal": js.AbortSignal.timeout(round(seconds * 1000))} if seconds else {"ifAvailable": True}
        proxy = create_proxy(granted)
        request = self._locks.request(_lock_name(window_id), js_object({"mode": mode, **wait}), proxy)
        ended = asyncio.ensure_future(request)
        ended.add_done_callback(lambda task: _end(task, asked, proxy))
        return await asked


class RollCall:
    """Queries which windows of this origin live."""

    def __init__(self) -> None:
        self._channel: Any = js.BroadcastChannel.new(owned("mooring-windows"))
        self._mine: set[str] = set()
        self._asked: dict[str, asyncio.Event] = {}
        self._heard: set[WindowId] | None = None  # the windows that have answered a call
        self._channel.onmessage = create_proxy(self._hear)

    def answer_for(self, window_id: WindowId) -> None:
        """Answer queries for that id from now on."""
        self._mine.add(window_id)

    async def is_there(self, window_id: WindowId) -> bool:
        """Whether that window has answered within `ANSWER_SECONDS`."""
        answered = self._asked.setdefault(window_id, asyncio.Event())
        self._channel.postMessage(f"ask {window_id}")
        try:
            await asyncio.wait_for(answered.wait(), ANSWER_SECONDS)
        except TimeoutError:
            return False
        finally:
            self._asked.pop(window_id, None)
        return True

    async def call(self) -> frozenset[WindowId]:
        """All windows that answer within `CALL_SECONDS`."""
        heard = self._heard = self._heard if self._heard is not None else set()
        self._channel.postMessage(f"ask {ALL_WINDOWS}")
        await asyncio.sleep(CALL_SECONDS)
        if self._heard is heard:
            self._heard = None
        return frozenset(heard)

    def _hear(self, event: Any) -> None:
        kind, _, window_id = str(event.data).partition(" ")
        if kind == "ask" and window_id == ALL_WINDOWS:
            for mine in self._mine:
                self._channel.postMessage(f"here {mine}")
        if kind == "here" and self._heard is not None:
            self._heard.add(WindowId(window_id))
        if kind == "ask" and window_id in self._mine:
            self._channel.postMessage(f"here {window_id}")
        if kind == "here" and window_id in self._asked:
            self._asked[window_id].set()


class _Promise:
    """A JavaScript promise that is pending until `resolve` is called; a lock lasts as long as it pends."""

    def __init__(self) -> None:
        made = js.Promise.withResolvers()
        self.js, self.resolve = made.promise, made.resolve


def _end(request: asyncio.Future[Any], asked: asyncio.Future[bool], proxy: Any) -> None:
    """Handle the end of a lock request: refused in time, or granted and released."""
    proxy.destroy()
    error = None if request.cancelled() else request.exception()
    if error is not None and not (
        isinstance(error, JsException) and error_name(error) in ("TimeoutError", "AbortError")
    ):
        log.warning("a lock could not be asked for: %s", error_text(error))
    if not asked.done():
        asked.set_result(False)


def _lock_name(window_id: WindowId) -> str:
    return owned(f"{_LOCKS}{window_id}")


def _window_of(name: str) -> WindowId | None:
    """The window of this user that holds a lock of that name."""
    window_id = WindowId(name.removeprefix(_LOCKS).partition("@")[0])
    return window_id if name == _lock_name(window_id) else None


def _mint() -> WindowId:
    return WindowId(BrowserRandom().uuid4())


def _read() -> WindowId | None:
    try:
        found = present(js.sessionStorage.getItem(owned(KEY)))
    except (JsException, AttributeError) as error:  # storage switched off: every load is a new window
        log.warning("sessionStorage cannot be read: %s", error)
        return None
    return WindowId(str(found)) if found else None


def _write(window_id: WindowId) -> None:
    try:
        js.sessionStorage.setItem(owned(KEY), window_id)
    except (JsException, AttributeError) as error:
        log.warning("sessionStorage cannot be written: %s", error)


def _take_out() -> WindowId | None:
    found = _read()
    if found is not None:
        js.sessionStorage.removeItem(owned(KEY))
    return found
