"""The memory snapshot in the browser's own cache: used in place of the compressed file, and never in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, ConsoleMessage, Page

from tests.e2e.browser_kit import IS_RESTORED, open_headless_shell, wait_for_js, wait_for_snapshot
from tests.e2e.window_kit import PATIENCE, BrowserUser, MooringWindow
from tests.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

LINK = 'document.querySelector("#snapshot")'
IS_KEPT = f'localStorage.getItem("mooring.snapshot") === new URL({LINK}.dataset.plain, location).href'
WITHOUT_DELAY = "globalThis.mooringKeepAfter = 0;"  # usually a window caches it some seconds later
# On a loaded machine loopback may measure as a slow line. A window that cannot measure it assumes a fast one.
UNMEASURED = 'Object.defineProperty(PerformanceResourceTiming.prototype, "encodedBodySize", { get: () => 0 });'
# What a start read, and its source.
READ = """() => Object.fromEntries(performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/snapshots/"))
  .map(({ name, transferSize: size }) => [name.endsWith(".raw") ? "plain" : "packed", size ? "line" : "cache"]))"""
# Damage the cached copy in one of two ways.
BAD = """{
  const usual = fetch;
  globalThis.fetch = async (address, options) => {
    const answer = await usual(address, options);
    if (options?.cache !== "only-if-cached") return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if ("%s" === "cut") return new Response(bytes.slice(0, 100_000));
    bytes[5_000_000] ^= 1;
    return new Response(bytes);
  };
}"""


class Messages:
    """Console messages of a profile's windows about their snapshot."""

    def __init__(self, profile: BrowserContext) -> None:
        self.said: list[str] = []
        profile.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if "memory snapshot" in message.text:
            self.said.append(message.text)


@pytest_asyncio.fixture(loop_scope="session")
async def profile(tmp_path: Path, gateway: Service) -> AsyncIterator[BrowserContext]:
    """A profile on disk whose windows cache the snapshot as soon as they have started."""
    await wait_for_snapshot(gateway.url)
    async with open_headless_shell(profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WITHOUT_DELAY)
        context.on("console", lambda message: print(message.text))  # pytest shows it if the test fails
        yield context


async def open_window(profile: BrowserContext, gateway: Service, path: str = "/") -> MooringWindow:
    await profile.add_init_script(UNMEASURED)
    window = await MooringWindow.open(profile, gateway.url + path)
    await window.ready()
    return window


async def wait_until_cached(page: Page) -> None:
    await wait_for_js(page, IS_KEPT)


async def test_browser_decompresses_a_snapshot_once(profile: BrowserContext, gateway: Service) -> None:
    messages = Messages(profile)
    window = await open_window(profile, gateway)
    await wait_until_cached(window.page)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert await window.page.evaluate(READ) == {"plain": "cache"}
    other = await open_window(profile, gateway)
    assert await other.page.evaluate(IS_RESTORED)
    assert await other.page.evaluate(READ) == {"plain": "cache"}
    assert messages.said == []


async def test_cached_snapshot_takes_no_space_from_records(profile: BrowserContext, gateway: Service) -> None:
    """So the snapshot never makes a device too full for a record."""
    window = await open_window(profile, gateway)
    await wait_until_cached(window.page)
    estimate = await window.page.evaluate("navigator.storage.estimate()")
    assert estimate["usage"] < 2_000_000


@pytest.mark.parametrize("how", ["cut", "flip"])
async def test_damaged_cached_copy_is_fetched_from_the_gateway(
    profile: BrowserContext, gateway: Service, how: str
) -> None:
    window = await open_window(profile, gateway)
    await wait_until_cached(window.page)
    messages = Messages(profile)
    await profile.add_init_script(BAD % how)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert messages.said == ["Mooring refetches its memory snapshot: it is damaged"]
    await wait_until_cached(window.page)


async def test_evicted_copy_is_fetched_from_the_gateway(profile: BrowserContext, gateway: Service) -> None:
    window = await open_window(profile, gateway)
    await wait_until_cached(window.page)
    messages = Messages(profile)
    devtools = await profile.new_cdp_session(window.page)
    await devtools.send("Network.clearBrowserCache")
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert messages.said == ["Mooring refetches its memory snapshot: the browser has let go of it"]
    await wait_until_cached(window.page)
    await window.reload()
    assert await window.page.evaluate(READ) == {"plain": "cache"}


async def test_slow_line_loads_only_the_compressed_snapshot(profile: BrowserContext, gateway: Service) -> None:
    page = await profile.new_page()
    devtools = await profile.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": 2_000_000, "uploadThroughput": -1}
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", line)
    async with page.expect_console_message(lambda message: "not kept unpacked: the line is slow" in message.text):
        await page.goto(gateway.url)
    assert await page.evaluate(READ) == {"packed": "line"}
    assert await page.evaluate('localStorage.getItem("mooring.snapshot")') is None


async def test_refusing_cache_is_tried_once(user: BrowserUser) -> None:
    """The cache of private browsing is small."""
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    await profile.add_init_script(WITHOUT_DELAY + UNMEASURED)
    said = "not kept unpacked: the browser's cache did not take it"
    async with profile.expect_console_message(lambda message: said in message.text):
        window = await user.open()
    async with profile.expect_console_message(lambda message: said in message.text):
        await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert set(await window.page.evaluate(READ)) == {"packed"}


async def test_private_window_leaves_no_cached_snapshot(profile: BrowserContext, gateway: Service) -> None:
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    window = await open_window(profile, gateway, "/?private")
    await window.page.evaluate("new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve)))")
    assert [url for url in asked if "/snapshots/" in url] == [await window.page.evaluate(f"{LINK}.href")]
    assert await window.page.evaluate("localStorage.getItem('mooring.snapshot')") is None
