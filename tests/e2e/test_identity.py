"""The identity of a window in real tabs: reload, duplicate, close, back/forward cache, with and without Web Locks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from app.core.model import WindowId
from app.core.ports.windows import Identity
from tests.kit.browser import chromium
from tests.kit.browser.chromium import BARE, IS_RESTORED, load_python, run_python, start_python, wait_for_snapshot
from tests.kit.services import Service
from tests.ports import identity

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

MAKE = """
    import js
    from app.browser.windows import BrowserWindows
    from pyodide.ffi import create_proxy
    js.globalThis.windows = create_proxy(BrowserWindows())
    return None
"""
CLAIM = """
    import js
    identity = await js.globalThis.windows.unwrap().claim()
    return [identity.window_id, identity.is_new, identity.is_duplicate]
"""
IS_ALIVE = """
    import js
    return await js.globalThis.windows.unwrap().is_alive(window_id)
"""
ENLIST = """
    import js
    return await js.globalThis.windows.unwrap().claim_other(window_id)
"""


class RealTabs:
    """Tabs of one browser context. A duplicate is opened by its original, so it has a copy of the session storage."""

    def __init__(self, context: BrowserContext, base: str, has_locks: bool) -> None:
        self.has_locks = has_locks
        self._context, self._base = context, base

    async def open(self) -> Page:
        page = await self._context.new_page()
        await load_python(page, self._base)
        await run_python(page, MAKE)
        return page

    async def duplicate(self, tab: Page) -> Page:
        async with tab.expect_popup() as opened:
            await tab.evaluate("() => { window.open(location.href); }")
        page = await opened.value
        await page.wait_for_url(f"{self._base}{BARE}")
        await self._start(page)
        return page

    async def reload(self, tab: Page) -> None:
        await tab.reload()
        await self._start(tab)

    async def close(self, tab: Page) -> None:
        await tab.close()

    async def claim(self, tab: Page) -> Identity:
        window_id, is_new, is_duplicate = await run_python(tab, CLAIM)
        return Identity(WindowId(window_id), is_new, is_duplicate)

    async def claim_other(self, tab: Page, window_id: str) -> bool:
        answer: bool = await run_python(tab, ENLIST, window_id=window_id)
        return answer

    async def is_alive(self, tab: Page, window_id: str) -> bool | None:
        answer: bool | None = await run_python(tab, IS_ALIVE, window_id=window_id)
        return answer

    async def _start(self, page: Page) -> None:
        await start_python(page)
        await run_python(page, MAKE)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=[True, False], ids=["locks", "no-locks"])
async def locks_profile(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[tuple[BrowserContext, bool]]:
    """A browser profile with or without Web Locks."""
    context = await browser.new_context()
    if not request.param:
        await context.add_init_script(chromium.WITHOUT_LOCKS)
    yield context, request.param
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def real_tabs(locks_profile: tuple[BrowserContext, bool], gateway: Service) -> AsyncIterator[RealTabs]:
    """A browser without open tabs."""
    context, has_locks = locks_profile
    yield RealTabs(context, gateway.url, has_locks)
    for page in context.pages:
        await page.close()


@pytest.mark.parametrize("name", identity.checks())
async def test_browser_windows_adapter_satisfies_the_port(real_tabs: RealTabs, name: str) -> None:
    await identity.checks()[name](real_tabs)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def caching_browser() -> AsyncIterator[Browser]:
    """A browser that keeps pages in its back/forward cache."""
    async with chromium.open_chromium(
        chromium.SHORT_LIVED, without_defaults=["--disable-back-forward-cache"]
    ) as opened:
        yield opened


@contextlib.asynccontextmanager
async def tabs_with_cache(browser: Browser, gateway: Service, *, has_locks: bool = True) -> AsyncIterator[RealTabs]:
    """Tabs of a browser that keeps pages in its back/forward cache."""
    context = await browser.new_context()
    if not has_locks:
        await context.add_init_script(chromium.WITHOUT_LOCKS)
    yield RealTabs(context, gateway.url, has_locks)
    await context.close()


async def test_windows_of_one_snapshot_have_different_ids_and_random_numbers(
    browser: Browser, gateway: Service
) -> None:
    """Two interpreters start from one snapshot, which contains everything that was seeded before it was made."""
    body = """
        import random, secrets, sys, uuid
        from app.browser.clock import BrowserRandom
        draws = BrowserRandom()
        uuids = [str(uuid.uuid1()), str(uuid.uuid4()), str(uuid.uuid7())]
        return [draws.uuid4(), [draws.fraction() for _ in range(4)], random.random(), secrets.token_hex(8), *uuids]
    """
    await wait_for_snapshot(gateway.url)
    context = await browser.new_context()
    tabs = RealTabs(context, gateway.url, has_locks=True)

    async def one() -> tuple[str, str, tuple[float, ...], *tuple[object, ...]]:
        tab = await tabs.open()
        assert await tab.evaluate(IS_RESTORED), "the snapshot was not used"
        identity = await tabs.claim(tab)
        minted, numbers, *others = await run_python(tab, body)
        return identity.window_id, minted, tuple(numbers), *others

    found = await asyncio.gather(*(one() for _ in range(2)))
    for drawn in zip(*found, strict=True):
        assert len(set(drawn)) == 2, drawn
    assert all(0 <= number < 1 for _, _, numbers, *_ in found for number in numbers)
    await context.close()


async def test_cached_page_counts_as_dead_and_gives_its_identity_away(
    caching_browser: Browser, gateway: Service
) -> None:
    """The cached page still holds its lock; the claim of the tab's next page evicts it."""
    async with tabs_with_cache(caching_browser, gateway) as tabs:
        tab, other = await tabs.open(), await tabs.open()
        first = await tabs.claim(tab)
        await tabs.claim(other)
        await tab.evaluate("addEventListener('pagehide', (event) => localStorage.setItem('cached', event.persisted))")
        await tab.goto(f"{gateway.url}/static/js/socket.js")
        assert await tab.evaluate("localStorage.getItem('cached')") == "true"
        assert await tabs.is_alive(other, first.window_id) is False
        await tabs._start(tab)
        assert await tabs.claim(tab) == Identity(first.window_id, is_new=False)


async def test_claim_waits_for_a_check_whether_the_window_lives(browser: Browser, gateway: Service) -> None:
    """`is_alive` briefly holds the lock of a dead window, which may return in that moment."""
    context = await browser.new_context()
    tabs = RealTabs(context, gateway.url, has_locks=True)
    tab = await tabs.open()
    hold = """() => {
      sessionStorage.setItem("mooring.window", "mine");
      const wait = () => new Promise((resolve) => setTimeout(resolve, 300));
      return new Promise((resolve) => {
        navigator.locks.request("mooring-window:mine", {mode: "shared"}, () => { resolve(true); return wait(); });
      });
    }"""
    assert await tab.evaluate(hold)
    assert await tabs.claim(tab) == Identity(WindowId("mine"), is_new=False)
    await context.close()


async def test_restored_page_without_locks_detects_a_lost_identity(caching_browser: Browser, gateway: Service) -> None:
    reclaim = "import js\nreturn await js.globalThis.windows.unwrap().reclaim()"
    async with tabs_with_cache(caching_browser, gateway, has_locks=False) as tabs:
        tab = await tabs.open()
        first = await tabs.claim(tab)
        await tab.goto(f"{gateway.url}/static/js/socket.js")  # it claims no identity
        await tab.go_back(wait_until="commit")
        assert await tab.evaluate("'python' in window"), "it did not come back from the cache"
        assert await run_python(tab, reclaim) is True
        await tab.goto(f"{gateway.url}/static/js/socket.js")
        await tab.evaluate("sessionStorage.removeItem('mooring.window')")  # as a page that takes the id does
        await tab.go_back(wait_until="commit")
        assert await run_python(tab, reclaim) is False
        assert (await tabs.claim(tab)).window_id == first.window_id
