"""The page on a home screen: its manifest, and a service worker that answers only when nothing else does."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import IS_ACTIVE, IS_KEPT, SHARE, SHORT_LIVED, open_chromium, wait_for_js
from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, KillableGateway, until
from tests.kit.browser.windows import FIRST_SCRIPT as USUAL
from tests.kit.browser.windows import PATIENCE, BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import slow_workflow
from tests.kit.module_gateways import gateway_to_kill
from tests.kit.services import start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# Usually a window has its worker some seconds after its start.
FIRST_SCRIPT = f"globalThis.mooringKeepAfter = 0;\n{USUAL}"
IS_REMOVER = "fetch('/worker.js').then(async (answer) => (await answer.text()).includes('unregister'))"
IS_GONE = "navigator.serviceWorker.getRegistration().then((found) => !found)"
STORED = """caches.keys().then(async (names) => (await Promise.all(names.map(async (name) => {
  const cache = await caches.open(name);
  return (await cache.keys()).map((request) => new URL(request.url).pathname);
}))).flat())"""
BY_WORKER = """performance.getEntriesByType("resource")
  .filter(({ workerFinalSourceType: source }) => source !== "network").map(({ name }) => name)"""
ENGLISH = "Mooring does not answer"
CHINESE = "Mooring 没有响应"

gateway = gateway_to_kill


@pytest_asyncio.fixture(loop_scope="session")
async def window(killable_gateway: KillableGateway, window: MooringWindow) -> MooringWindow:
    """The module's window with its worker, at a gateway that runs."""
    await until(lambda: window.page.evaluate(IS_ACTIVE))
    return window


@pytest.fixture(scope="module")
def picture_bytes(photo: Path) -> bytes:
    """The bytes of a small picture."""
    return photo.read_bytes()


async def id_of(window: MooringWindow) -> Any:
    return (await window.facts())["windowId"]


async def test_browsers_find_the_page_installable(gateway: KillableGateway, tmp_path: Path) -> None:
    async with open_chromium(SHORT_LIVED, profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        window = await MooringWindow.open(context, gateway.url)
        await window.ready()
        devtools = await context.new_cdp_session(window.page)
        manifest = await devtools.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["manifest"]["shareTarget"]["action"] == f"{gateway.url}/share"
        assert (await devtools.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []


async def test_window_waits_on_a_page_and_returns_with_its_work(
    module_user: BrowserUser, window: MooringWindow, gateway: KillableGateway, fleet: Fleet
) -> None:
    """That page speaks the user's language. It gives way to the browser's own message, as about a certificate."""
    module_user.watch.expected += BROKEN_NETWORK
    page, before, workflow = window.page, await id_of(window), slow_workflow()
    await fleet.stop_workers()
    prompt_id = await window.submit(workflow)
    await window.wait_state(prompt_id, "queued")

    gateway.kill()
    await page.reload()
    await expect(page.locator("h1")).to_have_text(ENGLISH)
    await expect(page.locator("#away-where")).to_contain_text(f"Nothing answers at {gateway.url[7:]}.")
    await page.locator("#away-try").click()
    await expect(page.locator("#away-state")).to_contain_text("There was still no answer at")

    await page.evaluate("""localStorage.setItem("mooring.settings", '{"language": "zh-CN", "theme": "dark"}')""")
    await page.reload()
    await expect(page.locator("h1")).to_have_text(CHINESE)
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto(f"{gateway.url}/?lang=en")
    await expect(page.locator("h1")).to_have_text(ENGLISH)
    await page.evaluate("localStorage.removeItem('mooring.settings')")

    other = await page.context.new_page()
    await other.goto(gateway.url)
    await other.locator("#away-plain").click()

    async def is_browsers_own() -> bool:
        return other.url.startswith("chrome-error://")

    await until(is_browsers_own)  # `wait_for_url` may report the failed navigation instead
    await other.close()

    gateway.start()
    await page.get_by_test_id("run").wait_for()
    await window.ready()
    assert await id_of(window) == before
    await fleet.start_workers()
    await fleet.expect_delivered(window, prompt_id, workflow)


async def test_worker_stores_one_file_and_is_asked_about_navigations_only(window: MooringWindow) -> None:
    await window.reload()
    build = await window.page.evaluate("document.documentElement.dataset.home")
    assert await window.page.evaluate(STORED) == [f"{build}static/home/away.html"]
    assert await window.page.evaluate("navigator.serviceWorker.controller !== null")
    asked = {name.rpartition("/")[2] for name in await window.page.evaluate(BY_WORKER)}
    assert asked <= {"snapshot_worker.mjs"}, "Chromium applies no routes to the script of a worker"


async def test_worker_of_another_build_removes_the_old_files(window: MooringWindow) -> None:
    scope = await window.page.evaluate("new URL('./', location).href")
    old, foreign = f"mooring {scope} /b/{'0' * 32}/", "another app's"
    await window.page.evaluate("(names) => Promise.all(names.map((name) => caches.open(name)))", [old, foreign])
    await window.page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.unregister())")
    await window.reload()
    await until(lambda: window.page.evaluate(IS_ACTIVE))
    await until(lambda: window.page.evaluate("(old) => caches.has(old).then((is) => !is)", old))
    assert await window.page.evaluate("(name) => caches.delete(name)", foreign), "it was there"


async def test_private_window_leaves_no_worker(user: BrowserUser) -> None:
    window = await user.open("/?private")
    await wait_for_imported(window.page)
    assert await window.page.evaluate(IS_GONE)


async def test_browser_without_workers_is_no_failure(user: BrowserUser) -> None:
    """As on plain http under a host name."""
    profile = await user.new_profile()
    await profile.add_init_script("delete Navigator.prototype.serviceWorker;")
    window = await user.open()
    await wait_for_imported(window.page)


async def wait_for_imported(page: Page) -> None:
    """Wait until the page has decided about its worker."""
    await wait_for_js(page, 'performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/home.js"))')
    await page.evaluate("import(document.documentElement.dataset.home + 'static/js/home.js').then(() => 0)")


async def test_installation_can_remove_the_worker(browser: Browser, fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    server = f'[[server]]\nid = "a"\nurl = "{fleet["a"].url}"\n'
    file.write_text(server)
    with start_gateway("--fleet", str(file)) as gateway:
        async with open_user(browser, gateway.url, first_script=FIRST_SCRIPT) as user:
            window = await user.open()
            await until(lambda: window.page.evaluate(IS_ACTIVE))
            file.write_text(f"{server}[gateway]\nhome_screen = false\n")
            await until(lambda: window.page.evaluate(IS_REMOVER))
            await window.reload()  # upon which a browser looks for another worker by itself, after a moment
            await window.page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found?.update())")
            await until(lambda: window.page.evaluate(IS_GONE))
            assert await window.page.evaluate("caches.keys()") == []


# The share target. A browser shares files by a navigation with a form.

TRAY = "[data-testid=shared]"


async def share(page: Page, base: str, *files: tuple[str, str, bytes]) -> None:
    texts = [(name, kind, base64.b64encode(data).decode()) for name, kind, data in files]
    async with page.expect_navigation(url=f"{base}/"):  # where the page removes what the worker has added
        await page.evaluate(SHARE, [f"{base}/share", texts])


async def take(window: MooringWindow) -> None:
    """Take the files that were sent."""
    await window.page.get_by_test_id("take-sent").click()
    await expect(window.page.get_by_test_id("sent")).to_have_count(0)


def shared(window: MooringWindow, name: str) -> Locator:
    """Return the shared file of this name in the tray."""
    return window.page.locator(TRAY, has_text=name)


async def test_shared_picture_waits_for_one_window_that_is_not_private(
    module_user: BrowserUser, window: MooringWindow, gateway: KillableGateway, picture_bytes: bytes
) -> None:
    other = await module_user.open()
    before = await id_of(window), await id_of(other), await window.call("mooring.tasks.length")
    await share(window.page, gateway.url, *((name, "image/png", picture_bytes) for name in ("beach.png", "dune.png")))
    await window.ready()
    assert (await id_of(window), await id_of(other), await window.call("mooring.tasks.length")) == before
    await expect(other.page.get_by_test_id("sent")).to_contain_text("2 files were sent here by another app or page")
    await take(window)
    for one in (window, other):  # without a reload of the other
        for name in ("beach.png", "dune.png"):
            await expect(shared(one, name).locator("img")).to_have_count(1)

    await window.choose_sample("enlarge")
    await shared(window, "dune.png").get_by_test_id("use-shared").click()
    await window.page.locator("[data-testid=drop-1-image].has-picture", has_text="dune.png").wait_for()
    for one in (window, other):
        await expect(shared(one, "dune.png")).to_have_count(0)
        await expect(shared(one, "beach.png")).to_have_count(1)

    await wait_for_js(window.page, IS_KEPT)  # a form finds its file again by its hash
    await other.page.close()
    await window.reload()
    await window.page.locator("[data-testid=drop-1-image].has-picture", has_text="dune.png").wait_for()
    await expect(shared(window, "beach.png")).to_have_count(1)
    await expect(shared(window, "dune.png")).to_have_count(0)

    private = await module_user.open("/?private")
    await wait_for_imported(private.page)
    await expect(private.page.locator(TRAY)).to_have_count(0)
    await private.page.close()
    await shared(window, "beach.png").get_by_test_id("use-shared").click()  # the next test begins with an empty tray
    await expect(shared(window, "beach.png")).to_have_count(0)


async def test_shared_picture_is_dragged_and_others_get_runs(
    window: MooringWindow, gateway: KillableGateway, picture_bytes: bytes
) -> None:
    names, page = ["cliff.png", "pier.png", "storm.png"], window.page
    await window.choose_sample("enlarge")
    files = [(name, "image/png", picture_bytes) for name in (*names, "wave.png")]
    await share(page, gateway.url, *files, ("a.mp3", "audio/mpeg", b"a"))
    await window.ready()
    await take(window)
    field = page.get_by_test_id("drop-1-image")
    for name in (*names, "wave.png"):
        await expect(shared(window, name).locator("img")).to_have_count(1)
    await shared(window, "wave.png").locator("img").drag_to(field)
    await expect(field).to_contain_text("wave.png")
    await expect(shared(window, "wave.png")).to_have_count(0)
    await expect(page.locator(".is-over, .is-dragging, .is-dragged")).to_have_count(0)

    each, dialog = page.get_by_test_id("run-shared"), page.get_by_test_id("files-dialog")
    await each.click()
    await dialog.locator("[data-action=close-dialog]").click()
    for name in (*names, "a.mp3"):
        await expect(shared(window, name)).to_have_count(1)
    await each.click()
    await expect(dialog).to_contain_text("3 pictures")
    await expect(dialog.get_by_test_id("files-left")).to_contain_text("a.mp3")
    await check_axe(page)
    await dialog.get_by_test_id("files-add").click()
    await expect(page.locator(TRAY)).to_have_text([re.compile("a.mp3")])
    await expect(each).to_have_count(0)
    for name in names:
        await page.locator("[data-testid=task-card][data-state=succeeded]", has_text=name).wait_for()


async def test_too_many_shared_files_are_left_out_with_a_reason(
    window: MooringWindow, gateway: KillableGateway
) -> None:
    before = await window.page.locator(TRAY).count()
    await share(window.page, gateway.url, *((f"{n}.png", "image/png", b"x") for n in range(101)))
    await window.ready()
    await expect(window.page.locator("#errors")).to_contain_text("The shared files were not taken: they are too many")
    await expect(window.page.locator(TRAY)).to_have_count(before)


FAIL_ONE_READ = """() => {
  const open = IDBObjectStore.prototype.openCursor;
  IDBObjectStore.prototype.openCursor = function () {
    IDBObjectStore.prototype.openCursor = open;
    const reading = open.call(this);
    this.transaction.abort();
    return reading;
  };
}"""


async def test_failed_read_of_the_tray_ends_the_share(window: MooringWindow, gateway: KillableGateway) -> None:
    worker = window.page.context.service_workers[-1]  # earlier ones have ended
    await worker.evaluate(FAIL_ONE_READ)
    before = await window.page.locator(TRAY).count()
    await share(window.page, gateway.url, ("a.png", "image/png", b"x"))
    await window.ready()
    await expect(window.page.locator("#errors")).to_contain_text("The shared files were not taken.")
    await expect(window.page.locator(TRAY)).to_have_count(before)


async def test_another_sites_page_fills_no_tray(
    module_user: BrowserUser, window: MooringWindow, gateway: KillableGateway, fleet: Fleet
) -> None:
    module_user.watch.allow(fleet["a"].url)
    before = await window.page.locator(TRAY).count()
    await window.page.goto(f"{fleet['a'].url}/queue")
    await window.page.evaluate(SHARE, [f"{gateway.url}/share", [("a.png", "image/png", "AAAA")]])
    await window.ready()
    await expect(window.page.locator("#errors")).to_contain_text("The shared files were not taken.")
    await expect(window.page.locator(TRAY)).to_have_count(before)


HIDE = (
    "document.head.append(Object.assign(document.createElement('meta'), { name: 'referrer', content: 'no-referrer' }))"
)


async def test_files_of_a_page_without_a_referrer_fill_no_tray(
    module_user: BrowserUser, window: MooringWindow, gateway: KillableGateway, fleet: Fleet, picture_bytes: bytes
) -> None:
    module_user.watch.allow(fleet["a"].url)
    page, sent = window.page, window.page.get_by_test_id("sent")
    before = await page.locator(TRAY).count()
    await page.goto(f"{fleet['a'].url}/queue")
    await page.evaluate(HIDE)
    texts = [(f"{n}.png", "image/png", base64.b64encode(picture_bytes).decode()) for n in range(100)]
    await page.evaluate(SHARE, [f"{gateway.url}/share", texts])
    await window.ready()
    await expect(sent).to_contain_text("100 files were sent here by another app or page")
    await expect(sent).to_contain_text("0.png, 1.png and 98 more")
    await expect(page.locator(TRAY)).to_have_count(before)
    await check_axe(page)

    await share(page, gateway.url, ("mine.png", "image/png", picture_bytes))  # they wait within a limit of their own
    await window.ready()
    await expect(page.locator("#errors")).to_contain_text("Take or discard some, then share again.")
    await page.get_by_test_id("discard-sent").click()
    await expect(sent).to_have_count(0)
    await expect(page.get_by_test_id("undo-deletion")).to_have_count(1)
    await expect(page.get_by_test_id("undo-deletion")).to_have_count(0, timeout=20_000)
    await share(page, gateway.url, ("mine.png", "image/png", picture_bytes))
    await window.ready()
    await take(window)
    await expect(shared(window, "mine.png")).to_have_count(1)
    await expect(page.locator(TRAY)).to_have_count(before + 1)
    await shared(window, "mine.png").get_by_test_id("remove-shared").click()
