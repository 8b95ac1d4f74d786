"""The memory snapshot as this device keeps it: in place of the gateway's, and never in the way."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page

from tests.e2e.browser_kit import IS_RESTORED, has_snapshot
from tests.e2e.window_kit import Desk, MooringWindow

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

NAMED = 'document.querySelector("#snapshot").getAttribute("href")'
IS_KEPT = f'localStorage.getItem("mooring.snapshot") === {NAMED}'
# What the store holds, by name; null if there is no such database.
HELD = """async () => {
  if (!(await indexedDB.databases()).some(({ name }) => name === "mooring-snapshot")) return null;
  const wait = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await wait(indexedDB.open("mooring-snapshot"));
  const store = () => database.transaction("snapshots").objectStore("snapshots");
  const names = await wait(store().getAllKeys());
  const sizes = (await wait(store().getAll())).map((blob) => blob.size);
  database.close();
  return Object.fromEntries(names.map((name, at) => [name, sizes[at]]));
}"""
REPLACE = """async (work) => {
  const wait = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await wait(indexedDB.open("mooring-snapshot"));
  const transaction = database.transaction("snapshots", "readwrite");
  const ended = new Promise((resolve) => { transaction.oncomplete = resolve; });
  const store = transaction.objectStore("snapshots");
  const [name] = await wait(store.getAllKeys());
  const blob = await wait(store.get(name));
  if (work === "cut") store.put(blob.slice(0, 100_000), name);
  if (work === "flip") store.put(new Blob([blob.slice(0, 5_000_000), "x", blob.slice(5_000_001)]), name);
  if (work === "lose") store.clear();
  if (work === "age") { store.put(blob, "/snapshots/before"); store.delete(name); }
  await ended;
  database.close();
  if (work === "age") localStorage.setItem("mooring.snapshot", "/snapshots/before");
}"""
AT_ONCE = "globalThis.mooringKeepAfter = 0;"  # a person's window keeps it a minute later
FULL = """{
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) {
    if (String(key).startsWith("/snapshots/")) throw new DOMException("full", "QuotaExceededError");
    return put.call(this, value, key);
  };
}"""


class Heard:
    """What a profile asked the gateway for, and said of its snapshot."""

    def __init__(self, profile: BrowserContext) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        profile.on("request", lambda request: self._ask(request.url))
        profile.on("console", self._hear)

    def _ask(self, address: str) -> None:
        if "/snapshots/" in address:
            self.asked.append(address)

    def _hear(self, message: ConsoleMessage) -> None:
        if "memory snapshot" in message.text:
            self.said.append(message.text)


async def new_profile(desk: Desk) -> BrowserContext:
    """A profile whose windows keep the snapshot as soon as they are up."""
    profile = await desk.new_profile()
    await profile.add_init_script(AT_ONCE)
    return profile


async def start(desk: Desk) -> tuple[Heard, MooringWindow]:
    await has_snapshot(desk.base)
    heard = Heard(await new_profile(desk))
    return heard, await desk.open()


async def kept(page: Page) -> None:
    await page.wait_for_function(IS_KEPT)


async def test_a_device_fetches_a_snapshot_once(desk: Desk) -> None:
    heard, window = await start(desk)
    await kept(window.page)
    assert len(heard.asked) == 1
    size = int(await window.page.evaluate('document.querySelector("#snapshot").dataset.size'))
    assert await window.page.evaluate(HELD) == {await window.page.evaluate(NAMED): size}
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert await (await desk.open()).page.evaluate(IS_RESTORED)
    assert len(heard.asked) == 1
    assert heard.said == []


@pytest.mark.parametrize("work", ["cut", "flip", "lose"])
async def test_what_a_device_has_lost_or_damaged_is_fetched_once_more(desk: Desk, work: str) -> None:
    heard, window = await start(desk)
    await kept(window.page)
    before = await window.page.evaluate(HELD)
    await window.page.evaluate(REPLACE, work)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert len(heard.asked) == 2
    (told,) = heard.said
    assert told.startswith("Mooring fetches its memory snapshot once more: ")
    await kept(window.page)
    assert await window.page.evaluate(HELD) == before


async def test_the_one_of_another_build_gives_way(desk: Desk) -> None:
    heard, window = await start(desk)
    await kept(window.page)
    now = await window.page.evaluate(HELD)
    await window.page.evaluate(REPLACE, "age")
    assert await window.page.evaluate(HELD) != now
    await window.reload()
    await kept(window.page)
    assert await window.page.evaluate(HELD) == now
    assert heard.said == []


async def test_a_device_without_room_fetches_it_each_time(desk: Desk) -> None:
    await has_snapshot(desk.base)
    profile = await new_profile(desk)
    await profile.add_init_script(FULL)
    heard = Heard(profile)
    async with profile.expect_console_message(lambda message: "not kept on this device: full" in message.text):
        window = await desk.open()
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert len(heard.asked) == 2


async def test_a_private_window_leaves_none_behind(desk: Desk) -> None:
    await has_snapshot(desk.base)
    heard = Heard(await new_profile(desk))
    window = await desk.open("/?private")
    await window.page.evaluate("new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve)))")
    assert await window.page.evaluate(HELD) is None
    assert await window.page.evaluate('localStorage.getItem("mooring.snapshot")') is None
    assert len(heard.asked) == 1
