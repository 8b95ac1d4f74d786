"""The page on a home screen: its manifest, and a service worker that answers only when nothing else does."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.axe_kit import check_axe
from tests.e2e.browser_kit import IS_ACTIVE, SHARE, open_chromium, wait_for_js
from tests.e2e.fault_kit import BROKEN_NETWORK, Fleet, Gateway, until
from tests.e2e.window_kit import PATIENCE, BrowserUser, MooringWindow, open_user
from tests.e2e.work_kit import slow_workflow
from tests.services import start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

FIRST_SCRIPT = "globalThis.mooringKeepAfter = 0;"  # usually a window has its worker some seconds after its start
IS_GONE = "navigator.serviceWorker.getRegistration().then((found) => !found)"
STORED = """caches.keys().then(async (names) => (await Promise.all(names.map(async (name) => {
  const cache = await caches.open(name);
  return (await cache.keys()).map((request) => new URL(request.url).pathname);
}))).flat())"""
BY_WORKER = """performance.getEntriesByType("resource")
  .filter(({ workerFinalSourceType: source }) => source !== "network").map(({ name }) => name)"""
ENGLISH = "Mooring does not answer"
CHINESE = "Mooring 没有响应"


@pytest.fixture
def gateway(killable_gateway: Gateway) -> Gateway:
    return killable_gateway


@pytest_asyncio.fixture(loop_scope="session")
async def user(browser: Browser, gateway: Gateway) -> AsyncIterator[BrowserUser]:
    """A user whose windows have a worker as soon as they are ready."""
    async with open_user(browser, gateway.url, first_script=FIRST_SCRIPT) as opened:
        yield opened


@pytest.fixture(scope="module")
def picture(photo: Path) -> bytes:
    """The bytes of a small picture."""
    return photo.read_bytes()


async def open_with_worker(user: BrowserUser, path: str = "/") -> MooringWindow:
    window = await user.open(path)
    await until(lambda: window.page.evaluate(IS_ACTIVE))
    return window


async def id_of(window: MooringWindow) -> Any:
    return (await window.facts())["windowId"]


async def test_browsers_find_the_page_installable(gateway: Gateway, tmp_path: Path) -> None:
    async with open_chromium(profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        window = await MooringWindow.open(context, gateway.url)
        await window.ready()
        devtools = await context.new_cdp_session(window.page)
        manifest = await devtools.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["manifest"]["shareTarget"]["action"] == f"{gateway.url}/share"
        assert (await devtools.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []


async def test_window_returns_by_itself_with_its_work(user: BrowserUser, gateway: Gateway, fleet: Fleet) -> None:
    user.watch.expected += BROKEN_NETWORK
    window = await open_with_worker(user)
    before, workflow = await id_of(window), slow_workflow()
    await fleet.stop_workers()
    prompt_id = await window.submit(workflow)
    await window.wait_state(prompt_id, "queued")

    gateway.kill()
    await window.page.reload()
    await expect(window.page.locator("h1")).to_have_text(ENGLISH)
    await expect(window.page.locator("#away-where")).to_contain_text(f"Nothing answers at {gateway.url[7:]}.")
    await window.page.locator("#away-try").click()
    await expect(window.page.locator("#away-state")).to_contain_text("There was still no answer at")

    gateway.start()
    await window.page.get_by_test_id("run").wait_for()
    await window.ready()
    assert await id_of(window) == before
    await fleet.start_workers()
    await fleet.expect_delivered(window, prompt_id, workflow)


async def test_page_without_a_gateway_speaks_the_users_language(user: BrowserUser, gateway: Gateway) -> None:
    user.watch.expected += BROKEN_NETWORK
    window = await open_with_worker(user)
    await window.page.evaluate("""localStorage.setItem("mooring.settings", '{"language": "zh-CN", "theme": "dark"}')""")
    gateway.kill()
    await window.page.reload()
    await expect(window.page.locator("h1")).to_have_text(CHINESE)
    await expect(window.page.locator("html")).to_have_attribute("data-theme", "dark")
    await window.page.goto(f"{gateway.url}/?lang=en")
    await expect(window.page.locator("h1")).to_have_text(ENGLISH)


async def test_worker_stores_only_a_file_of_its_build(user: BrowserUser, gateway: Gateway) -> None:
    window = await open_with_worker(user)
    await window.reload()
    build = await window.page.evaluate("document.documentElement.dataset.home")
    assert await window.page.evaluate(STORED) == [f"{build}static/home/away.html"]


async def test_worker_is_asked_about_navigations_only(user: BrowserUser) -> None:
    window = await open_with_worker(user)
    await window.reload()
    assert await window.page.evaluate("navigator.serviceWorker.controller !== null")
    asked = {name.rpartition("/")[2] for name in await window.page.evaluate(BY_WORKER)}
    assert asked <= {"snapshot_worker.mjs"}, "Chromium applies no routes to the script of a worker"


async def test_worker_of_another_build_removes_the_old_files(user: BrowserUser) -> None:
    window = await open_with_worker(user)
    scope = await window.page.evaluate("new URL('./', location).href")
    old, foreign = f"mooring {scope} /b/{'0' * 32}/", "another app's"
    await window.page.evaluate("(names) => Promise.all(names.map((name) => caches.open(name)))", [old, foreign])
    await window.page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.unregister())")
    await window.reload()
    await until(lambda: window.page.evaluate(IS_ACTIVE))
    await until(lambda: window.page.evaluate("(old) => caches.has(old).then((is) => !is)", old))
    assert await window.page.evaluate("(name) => caches.has(name)", foreign)


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
            window = await open_with_worker(user)
            file.write_text(f"{server}[gateway]\nhome_screen = false\n")
            while "unregister" not in await window.page.evaluate("fetch('/worker.js').then((answer) => answer.text())"):
                pass
            await window.reload()  # upon which a browser looks for another worker by itself, after a moment
            await window.page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found?.update())")
            await until(lambda: window.page.evaluate(IS_GONE))
            assert await window.page.evaluate("caches.keys()") == []


async def test_user_can_see_the_browsers_own_message(user: BrowserUser, gateway: Gateway) -> None:
    """Such as one about a certificate, which the worker would hide."""
    user.watch.expected += BROKEN_NETWORK
    window = await open_with_worker(user)
    gateway.kill()
    await window.page.reload()
    await window.page.locator("#away-plain").click()

    async def is_browsers_own() -> bool:
        return window.page.url.startswith("chrome-error://")

    await until(is_browsers_own)  # `wait_for_url` may report the failed navigation instead
    gateway.start()
    await window.page.goto(gateway.url)
    await window.ready()


# The share target. A browser shares files by a navigation with a form.

TRAY = "[data-testid=shared]"


async def share(page: Page, base: str, *files: tuple[str, str, bytes]) -> None:
    texts = [(name, kind, base64.b64encode(data).decode()) for name, kind, data in files]
    async with page.expect_navigation(url=f"{base}/"):  # where the page removes what the worker has added
        await page.evaluate(SHARE, [f"{base}/share", texts])


async def test_shared_picture_waits_for_one_window(user: BrowserUser, gateway: Gateway, picture: bytes) -> None:
    other = await open_with_worker(user)
    window = await user.open()
    before = await id_of(window), await id_of(other)
    pictures = [(name, "image/png", picture) for name in ("beach.png", "dune.png")]
    await share(window.page, gateway.url, *pictures)
    await window.ready()
    assert (await id_of(window), await id_of(other)) == before
    for one in (window, other):  # without a reload of the other
        await expect(one.page.locator(TRAY)).to_have_count(2)
        await expect(one.page.locator(f"{TRAY} img")).to_have_count(2)
    assert await window.call("mooring.tasks.length") == 0

    await window.choose_sample("enlarge")
    await window.page.locator(TRAY, has_text="dune.png").get_by_test_id("use-shared").click()
    await window.page.locator("[data-testid=drop-1-image].has-picture", has_text="dune.png").wait_for()
    for one in (window, other):
        await expect(one.page.locator(TRAY)).to_have_text([re.compile("beach.png")])

    await other.page.close()
    await window.reload()
    await window.page.locator("[data-testid=drop-1-image].has-picture", has_text="dune.png").wait_for()
    await expect(window.page.locator(TRAY)).to_have_text([re.compile("beach.png")])


async def test_shared_pictures_get_a_run_each(user: BrowserUser, gateway: Gateway, picture: bytes) -> None:
    window = await open_with_worker(user)
    await window.choose_sample("enlarge")
    names = ["beach.png", "dune.png", "cliff.png"]
    await share(
        window.page, gateway.url, *((name, "image/png", picture) for name in names), ("a.mp3", "audio/mpeg", b"a")
    )
    await window.ready()
    each, dialog = window.page.get_by_test_id("run-shared"), window.page.get_by_test_id("files-dialog")
    await each.click()
    await dialog.locator("[data-action=close-dialog]").click()
    await expect(window.page.locator(TRAY)).to_have_count(4)
    await each.click()
    await expect(dialog).to_contain_text("3 pictures")
    await expect(dialog.get_by_test_id("files-left")).to_contain_text("a.mp3")
    await check_axe(window.page)
    await dialog.get_by_test_id("files-add").click()
    await expect(window.page.locator(TRAY)).to_have_text([re.compile("a.mp3")])
    await expect(each).to_have_count(0)
    for name in names:
        await window.page.locator("[data-testid=task-card][data-state=succeeded]", has_text=name).wait_for()


async def test_shared_picture_is_dragged_onto_a_field(user: BrowserUser, gateway: Gateway, picture: bytes) -> None:
    window = await open_with_worker(user)
    await window.choose_sample("enlarge")
    await share(window.page, gateway.url, ("beach.png", "image/png", picture), ("dune.png", "image/png", picture))
    await window.ready()
    field = window.page.get_by_test_id("drop-1-image")
    await expect(window.page.locator(f"{TRAY} img")).to_have_count(2)
    await window.page.locator(f"{TRAY} img").last.drag_to(field)
    await expect(field).to_contain_text("dune.png")
    await expect(window.page.locator(TRAY)).to_have_text([re.compile("beach.png")])
    await expect(window.page.locator(".is-over, .is-dragging, .is-dragged")).to_have_count(0)


async def test_too_many_shared_files_are_left_out_with_a_reason(user: BrowserUser, gateway: Gateway) -> None:
    window = await open_with_worker(user)
    await share(window.page, gateway.url, *((f"{n}.png", "image/png", b"x") for n in range(101)))
    await window.ready()
    await expect(window.page.locator("#errors")).to_contain_text("The shared files were not taken: they are too many")
    await expect(window.page.locator(TRAY)).to_have_count(0)


async def test_another_sites_page_fills_no_tray(browser: Browser, gateway: Gateway, fleet: Fleet) -> None:
    async with await browser.new_context() as profile:  # which is not watched: it opens another site
        profile.set_default_timeout(PATIENCE)
        await profile.add_init_script(FIRST_SCRIPT)
        window = await MooringWindow.open(profile, gateway.url)
        await window.ready()
        await until(lambda: window.page.evaluate(IS_ACTIVE))
        await window.page.goto(f"{fleet['a'].url}/queue")
        await window.page.evaluate(SHARE, [f"{gateway.url}/share", [("a.png", "image/png", "AAAA")]])
        await window.ready()
        await expect(window.page.locator("#errors")).to_contain_text("The shared files were not taken.")
        await expect(window.page.locator(TRAY)).to_have_count(0)


async def test_private_window_does_not_show_the_tray(user: BrowserUser, gateway: Gateway, picture: bytes) -> None:
    window = await open_with_worker(user)
    await share(window.page, gateway.url, ("beach.png", "image/png", picture))
    await window.ready()
    await expect(window.page.locator(TRAY)).to_have_count(1)
    private = await user.open("/?private")
    await wait_for_imported(private.page)
    await expect(private.page.locator(TRAY)).to_have_count(0)
