"""The memory snapshot as a browser's own cache keeps it, unpacked: in place of the packed one, and never in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, ConsoleMessage, Page

from tests.e2e.browser_kit import IS_RESTORED, has_snapshot, open_headless_shell
from tests.e2e.window_kit import PATIENCE, BrowserUser, MooringWindow
from tests.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

LINK = 'document.querySelector("#snapshot")'
IS_KEPT = f'localStorage.getItem("mooring.snapshot") === new URL({LINK}.dataset.plain, location).href'
AT_ONCE = "globalThis.mooringKeepAfter = 0;"  # a person's window keeps it some seconds later
# On a loaded machine loopback may measure as slow as a slow line. A window that cannot measure it takes it as quick.
UNMEASURED = 'Object.defineProperty(PerformanceResourceTiming.prototype, "encodedBodySize", { get: () => 0 });'
# What a start read, and where it came from.
READ = """() => Object.fromEntries(performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/snapshots/"))
  .map(({ name, transferSize: size }) => [name.endsWith(".raw") ? "plain" : "packed", size ? "line" : "cache"]))"""
# A cache whose copy has gone bad, in one of two ways.
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


class Heard:
    """What the windows of a profile said of their snapshot."""

    def __init__(self, profile: BrowserContext) -> None:
        self.said: list[str] = []
        profile.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if "memory snapshot" in message.text:
            self.said.append(message.text)


@pytest_asyncio.fixture(loop_scope="session")
async def profile(tmp_path: Path, gateway: Service) -> AsyncIterator[BrowserContext]:
    """A profile on disk, as a person has it, whose windows keep the snapshot as soon as they are up."""
    await has_snapshot(gateway.url)
    async with open_headless_shell(profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(AT_ONCE)
        context.on("console", lambda message: print(message.text))  # pytest shows it when a test fails
        yield context


async def open_window(profile: BrowserContext, gateway: Service, path: str = "/") -> MooringWindow:
    await profile.add_init_script(UNMEASURED)
    window = await MooringWindow.open(profile, gateway.url + path)
    await window.ready()
    return window


async def kept(page: Page) -> None:
    await page.wait_for_function(IS_KEPT)


async def test_a_browser_unpacks_a_snapshot_once(profile: BrowserContext, gateway: Service) -> None:
    heard = Heard(profile)
    window = await open_window(profile, gateway)
    await kept(window.page)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert await window.page.evaluate(READ) == {"plain": "cache"}
    other = await open_window(profile, gateway)
    assert await other.page.evaluate(IS_RESTORED)
    assert await other.page.evaluate(READ) == {"plain": "cache"}
    assert heard.said == []


async def test_it_takes_no_room_of_a_persons_records(profile: BrowserContext, gateway: Service) -> None:
    """So no device is too full for a record because of it."""
    window = await open_window(profile, gateway)
    await kept(window.page)
    told = await window.page.evaluate("navigator.storage.estimate()")
    assert told["usage"] < 2_000_000


@pytest.mark.parametrize("how", ["cut", "flip"])
async def test_what_the_cache_has_spoiled_is_fetched_once_more(
    profile: BrowserContext, gateway: Service, how: str
) -> None:
    window = await open_window(profile, gateway)
    await kept(window.page)
    heard = Heard(profile)
    await profile.add_init_script(BAD % how)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert heard.said == ["Mooring fetches its memory snapshot once more: it is damaged"]
    await kept(window.page)


async def test_what_the_cache_has_let_go_of_is_fetched_once_more(profile: BrowserContext, gateway: Service) -> None:
    window = await open_window(profile, gateway)
    await kept(window.page)
    heard = Heard(profile)
    devtools = await profile.new_cdp_session(window.page)
    await devtools.send("Network.clearBrowserCache")
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert heard.said == ["Mooring fetches its memory snapshot once more: the browser has let go of it"]
    await kept(window.page)
    await window.reload()
    assert await window.page.evaluate(READ) == {"plain": "cache"}


async def test_a_slow_line_brings_the_packed_one_alone(profile: BrowserContext, gateway: Service) -> None:
    page = await profile.new_page()
    devtools = await profile.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": 2_000_000, "uploadThroughput": -1}
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", line)
    async with page.expect_console_message(lambda message: "not kept unpacked: the line is slow" in message.text):
        await page.goto(gateway.url)
    assert await page.evaluate(READ) == {"packed": "line"}
    assert await page.evaluate('localStorage.getItem("mooring.snapshot")') is None


async def test_a_cache_that_does_not_take_it_is_asked_once(user: BrowserUser) -> None:
    """That of a browser's private windows is small."""
    await has_snapshot(user.base)
    profile = await user.new_profile()
    await profile.add_init_script(AT_ONCE + UNMEASURED)
    said = "not kept unpacked: the browser's cache did not take it"
    async with profile.expect_console_message(lambda message: said in message.text):
        window = await user.open()
    async with profile.expect_console_message(lambda message: said in message.text):
        await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert set(await window.page.evaluate(READ)) == {"packed"}


async def test_a_private_window_leaves_none_behind(profile: BrowserContext, gateway: Service) -> None:
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    window = await open_window(profile, gateway, "/?private")
    await window.page.evaluate("new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve)))")
    assert [url for url in asked if "/snapshots/" in url] == [await window.page.evaluate(f"{LINK}.href")]
    assert await window.page.evaluate("localStorage.getItem('mooring.snapshot')") is None
