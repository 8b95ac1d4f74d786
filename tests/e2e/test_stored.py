"""The memory snapshot in the browser's own cache: used in place of the compressed file, and never in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, ConsoleMessage, Page

from tests.kit.browser.chromium import IS_RESTORED, open_headless_shell, wait_for_js, wait_for_snapshot
from tests.kit.browser.windows import KEEP_NOTHING, PATIENCE, BrowserUser, MooringWindow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

FIRST_SCRIPT = KEEP_NOTHING  # windows here load the compressed snapshot, as users do
LINK = 'document.querySelector("#snapshot")'
IS_KEPT = f'localStorage.getItem("mooring.snapshot") === new URL({LINK}.dataset.plain, location).href'
WITHOUT_DELAY = "globalThis.mooringKeepAfter = 0;"  # usually a window caches it some seconds later
ANY_LINE_IS_QUICK = "globalThis.mooringQuick = 0;"  # on a loaded machine loopback may measure as a slow one
IS_FROM_CACHE = '() => performance.getEntriesByName("mooring-arrived")[0].detail.transferred === 0'
# Expect another cached copy once, in the way that the session storage names, if any.
BAD = """if (location.protocol === "http:") {
  const post = Worker.prototype.postMessage, way = sessionStorage.getItem("damage");
  sessionStorage.removeItem("damage");
  if (way) Worker.prototype.postMessage = function (file) {
    const { cache, size, sum } = file;
    if (cache === "only-if-cached") file = { ...file, ...(way === "cut" ? { size: size + 4096 } : { sum: sum ^ 1 }) };
    post.call(this, file);
  };
}"""


class Messages:
    """Console messages of a profile's windows about their snapshot, from now on."""

    def __init__(self, profile: BrowserContext) -> None:
        self.said: list[str] = []
        profile.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if "memory snapshot" in message.text:
            self.said.append(message.text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(gateway: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MooringWindow]:
    """A window of a profile on disk that has cached the snapshot as soon as it started, for the whole module."""
    await wait_for_snapshot(gateway.url)
    async with open_headless_shell(profile=tmp_path_factory.mktemp("chromium") / "profile") as context:
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WITHOUT_DELAY + ANY_LINE_IS_QUICK + BAD)
        context.on("console", lambda message: print(message.text))  # pytest shows it if the test fails
        window = await MooringWindow.open(context, gateway.url)
        await window.ready()
        await wait_until_cached(window.page)
        yield window


async def wait_until_cached(page: Page) -> None:
    await wait_for_js(page, IS_KEPT)


async def test_cached_snapshot_takes_no_space_from_records(window: MooringWindow) -> None:
    """So the snapshot never makes a device too full for a record."""
    estimate = await window.page.evaluate("navigator.storage.estimate()")
    assert estimate["usage"] < 2_000_000


@pytest.mark.parametrize("how", ["cut", "flip"])
async def test_damaged_cached_copy_is_fetched_from_the_gateway(window: MooringWindow, how: str) -> None:
    messages = Messages(window.page.context)
    await window.page.evaluate("(how) => sessionStorage.setItem('damage', how)", how)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert messages.said == ["Mooring refetches its memory snapshot: it is damaged"]
    await wait_until_cached(window.page)


async def test_evicted_copy_is_fetched_once_for_all_windows(window: MooringWindow, gateway: Service) -> None:
    messages = Messages(window.page.context)
    devtools = await window.page.context.new_cdp_session(window.page)
    await devtools.send("Network.clearBrowserCache")
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert messages.said == ["Mooring refetches its memory snapshot: the browser has let go of it"]
    await wait_until_cached(window.page)
    messages.said.clear()
    other = await MooringWindow.open(window.page.context, gateway.url)
    await other.ready()
    assert await other.page.evaluate(IS_RESTORED)
    assert await other.page.evaluate(IS_FROM_CACHE)
    assert messages.said == []
    await other.page.close()


async def test_slow_line_brings_a_part_of_the_unpacked_snapshot_once(user: BrowserUser) -> None:
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    await profile.add_init_script(WITHOUT_DELAY)
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    page = await profile.new_page()
    devtools = await profile.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": 2_000_000, "uploadThroughput": -1}
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", line)
    async with page.expect_console_message(lambda message: "not kept unpacked: the line is slow" in message.text):
        await page.goto(user.base)
    packed, plain = await page.evaluate(f"[{LINK}.href, new URL({LINK}.dataset.plain, document.baseURI).href]")
    assert [url for url in asked if "/snapshots/" in url] == [packed, plain]
    assert await page.evaluate('localStorage.getItem("mooring.snapshot")') is None
    # The packed one comes from the browser's cache now, which is quick and says nothing about the line.
    async with page.expect_console_message(lambda message: "not kept unpacked: it was tried in vain" in message.text):
        await page.reload()
    assert asked.count(plain) == 1


async def test_refusing_cache_is_tried_once(user: BrowserUser) -> None:
    """The cache of private browsing is small."""
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    await profile.add_init_script(WITHOUT_DELAY + ANY_LINE_IS_QUICK)
    said = "not kept unpacked: the browser's cache did not take it"
    async with profile.expect_console_message(lambda message: said in message.text):
        window = await user.open()
    async with profile.expect_console_message(lambda message: "it was tried in vain" in message.text):
        await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert not await window.page.evaluate(IS_FROM_CACHE)


async def test_private_window_leaves_no_cached_snapshot(user: BrowserUser) -> None:
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    await profile.add_init_script(WITHOUT_DELAY)
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    window = await user.open("/?private")
    await window.page.evaluate("new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve)))")
    assert [url for url in asked if "/snapshots/" in url] == [await window.page.evaluate(f"{LINK}.href")]
    assert await window.page.evaluate("localStorage.getItem('mooring.snapshot')") is None
