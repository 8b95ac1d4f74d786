"""The first screen of a new window: in the document, and taken over by Python without being drawn again."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.axe_kit import check_axe
from tests.e2e.browser_kit import held, wait_for_drawing
from tests.e2e.window_kit import FIRST_SCRIPT, BrowserUser, MooringWindow, open_user
from tests.integration.studio import PASSWORD, write_users
from tests.services import ROOT, Service, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PYTHON = "**/pyodide.asm.wasm"
DRAWN = "body.is-drawn"
# Keep the first change that Python makes to the page.
RECORD = (
    FIRST_SCRIPT
    + """
const parse = JSON.parse;
JSON.parse = (text, ...more) => {
  const found = parse(text, ...more);
  if (found?.lang !== undefined && found.root !== undefined) globalThis.firstChange ??= found;
  return found;
};"""
)


async def is_read(page: Page, address: str) -> bool:
    """Return whether the gateway has asked every server, so that its drawing stays as it is."""
    answer = await page.request.get(urljoin(address, "/fleet"))
    found = [(server["health"], server["catalogue"]) for server in (await answer.json())["servers"]]
    return all(health != "unknown" and (health != "well" or catalogue) for health, catalogue in found)


async def wait_drawn(page: Page, address: str) -> None:
    """Open the page until the gateway has its drawing, and stay on it before Python."""
    while True:
        was_read = await is_read(page, address)
        await page.goto(address, wait_until="commit")
        await page.locator("#boot").wait_for(state="attached")
        if was_read and await page.locator(DRAWN).count():
            return


@contextlib.asynccontextmanager
async def starting(profile: BrowserContext, address: str) -> AsyncIterator[Page]:
    """Open a window with its first screen; its Python starts when the block ends."""
    page = await profile.new_page()
    async with held(page, PYTHON):
        await wait_drawn(page, address)
        yield page


async def expect_nothing_drawn_again(page: Page) -> None:
    """Wait for Python, and check that it draws no region of the screen again."""
    await MooringWindow(page).ready()
    first: dict[str, Any] = await page.evaluate("firstChange")
    assert first.get("regions", {}) == {}
    await expect(page.locator(DRAWN)).to_have_count(0)


async def expect_taken_over(profile: BrowserContext, address: str) -> Page:
    """Open a window, and check that Python draws no region of a first screen again."""
    async with starting(profile, address) as page:
        await expect(page.get_by_test_id("workflow-picker")).to_be_visible()
    await expect_nothing_drawn_again(page)
    return page


async def choose_workflow(page: Page, title: str) -> None:
    """Choose a workflow before Python, and wait for its form."""
    await page.get_by_test_id("workflow-picker").click()
    await page.locator("#workflow-list [data-action=open-workflow]", has_text=title).click()
    await expect(page.get_by_test_id("workflow-picker")).to_contain_text(title)


async def press_early(page: Page) -> None:
    """Press Run before Python, and wait until the page has noted that."""
    await page.get_by_test_id("run").click()
    await expect(page.locator("#starting")).to_be_visible()


async def tasks_of(window: MooringWindow) -> list[dict[str, Any]]:
    """Return the window's tasks, each with its server's history of it as a text."""
    tasks: list[dict[str, Any]] = await window.page.evaluate(
        """async () => Promise.all(windowTasks.map(
          async (task) => ({ ...task, history: JSON.stringify(await mooring.getTaskHistory(task.promptId)) })
        ))"""
    )
    return tasks


@contextlib.asynccontextmanager
async def visitor(browser: Browser, url: str, **options: Any) -> AsyncIterator[tuple[BrowserUser, BrowserContext]]:
    async with open_user(browser, url, first_script=RECORD) as user:
        yield user, await user.new_profile(**options)


@pytest.mark.parametrize(
    ("locale", "path", "text"),
    [
        ("en-US", "/", "Text to picture"),
        ("zh-CN", "/", "文字生成图片"),
        ("en-US", "/?lang=zh-CN", "文字生成图片"),
        ("de-DE", "/", "Text to picture"),
    ],
)
async def test_python_takes_the_first_screen_over_in_each_language(
    browser: Browser, gateway: Service, locale: str, path: str, text: str
) -> None:
    async with visitor(browser, gateway.url, locale=locale) as (_, profile):
        page = await expect_taken_over(profile, gateway.url + path)
        await expect(page.locator("#form")).to_contain_text(text)


async def test_chosen_language_is_that_of_the_next_first_screen(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        window = await MooringWindow.open(profile, gateway.url)
        await window.ready()
        await window.page.keyboard.press(",")
        await window.page.locator("#setting-language").select_option("zh-CN")
        await expect(window.page.locator("#run")).to_contain_text("运行")
        page = await expect_taken_over(profile, gateway.url)
        await expect(page.locator("#run")).to_contain_text("运行")


async def test_phone_has_the_same_first_screen(browser: Browser, gateway: Service) -> None:
    async with visitor(
        browser, gateway.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ) as (_, profile):
        await expect_taken_over(profile, gateway.url)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@contextlib.contextmanager
def without_any_server_that_answers(home: Path) -> Iterator[Service]:
    with start_gateway("--server", "a=http://127.0.0.1:9") as service:
        yield service


@contextlib.contextmanager
def with_servers_of_two_versions(home: Path) -> Iterator[Service]:
    with (
        start_demo() as new,
        start_demo("--speaks", "0.3.64") as old,
        start_gateway("--server", f"new={new.url}", "--server", f"old={old.url}") as service,
    ):
        yield service


@contextlib.contextmanager
def with_a_server_that_is_away(home: Path) -> Iterator[Service]:
    with (
        start_demo() as here,
        start_gateway("--server", f"a={here.url}", "--server", "b=http://127.0.0.1:9") as service,
    ):
        yield service


@contextlib.contextmanager
def with_published_workflows(home: Path) -> Iterator[Service]:
    text = (ROOT / "static/workflows/text.json").read_text("utf-8")
    for title in ("Dunes at night", *(f"Bay {number}" for number in range(9))):  # more than the picker lists at first
        (home / f"{title}.json").write_text(text.replace("Text to picture", title), "utf-8")
    with start_demo() as here, start_gateway("--server", f"a={here.url}", "--workflows", str(home)) as service:
        yield service


FLEETS = (
    without_any_server_that_answers,
    with_servers_of_two_versions,
    with_a_server_that_is_away,
    with_published_workflows,
)


@pytest.mark.parametrize("open_fleet", FLEETS)
async def test_python_takes_over_whatever_the_fleet_is(browser: Browser, home: Path, open_fleet: Any) -> None:
    with open_fleet(home) as service:
        async with visitor(browser, service.url) as (_, profile):
            await expect_taken_over(profile, service.url)


async def test_users_have_first_screens_of_their_own_that_nothing_stores(browser: Browser, home: Path) -> None:
    write_users(home / "users.toml")
    with start_demo() as here:
        flags = ("--server", f"a={here.url}", "--users", str(home / "users.toml"))
        with start_gateway(*flags) as service:
            for name in ("alice", "carol"):
                async with visitor(browser, service.url) as (user, profile):
                    user.watch.expected += [r"status of 40[13]"]
                    page = await profile.new_page()
                    await page.goto(service.url)
                    await page.locator("#name").fill(name)
                    await page.locator("#password").fill(PASSWORD)
                    await page.locator("#enter").click()
                    await MooringWindow(page).ready()
                    page = await expect_taken_over(profile, service.url)
                    answer = await page.request.get(service.url)
                    assert answer.headers["cache-control"] == "private, no-store"
                    assert 'data-drawn="' in await answer.text()


async def test_typing_and_links_stay_when_python_takes_over(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.locator("#field-1-text").fill("a lighthouse in fog")
            marked = await page.evaluate("(document.querySelector('#field-1-text').mark = 'same').length")
        window = MooringWindow(page)
        await window.ready()
        assert marked
        assert await page.evaluate("document.querySelector('#field-1-text').mark") == "same"
        await expect(page.locator("#field-1-text")).to_have_value("a lighthouse in fog")
        await window.reload()
        await expect(page.locator("#field-1-text")).to_have_value("a lighthouse in fog")


async def test_drawing_has_the_classes_that_its_form_needs(browser: Browser, gateway: Service) -> None:
    """So a window asks for no catalogue before it can be used."""
    async with visitor(browser, gateway.url) as (user, profile):
        asked: list[str] = []
        profile.on("request", lambda request: asked.append(request.url))
        page = await expect_taken_over(profile, user.base)
        assert json.loads(await page.locator("#first-classes").text_content() or "{}")
        assert not [url for url in asked if "/catalogues/" in url]


async def test_run_pressed_before_python_runs_what_was_typed_then(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.locator("#field-1-text").fill("a lighthouse in fog")
            await press_early(page)
            await page.locator("#field-1-text").fill("a harbour at noon")
        window = MooringWindow(page)
        await window.ready()
        await expect(page.locator("#starting")).to_be_hidden()
        await expect(page.get_by_test_id("result-image")).to_be_visible()
        (task,) = await tasks_of(window)
        assert "a lighthouse in fog" in task["history"]
        await expect(page.locator("#field-1-text")).to_have_value("a harbour at noon")


async def test_run_pressed_before_a_reload_runs_once(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.locator("#field-1-text").fill("a lighthouse in fog")
            await press_early(page)
            await wait_drawn(page, gateway.url)
            await expect(page.locator("#starting")).to_be_visible()
            await expect(page.locator("#field-1-text")).to_have_value("a lighthouse in fog")
        window = MooringWindow(page)
        await window.ready()
        await expect(page.get_by_test_id("result-image")).to_be_visible()
        await window.reload()
        (task,) = await tasks_of(window)
        assert "a lighthouse in fog" in task["history"]
        await expect(page.locator("#notices")).to_be_empty()


async def test_cancel_takes_an_early_run_back(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await press_early(page)
            await page.locator("#starting button").click()
            await expect(page.locator("#starting")).to_be_hidden()
        window = MooringWindow(page)
        await window.ready()
        assert await tasks_of(window) == []
        await window.reload()
        assert await tasks_of(window) == []


async def test_copy_of_a_tab_does_not_run_what_was_pressed_in_the_first(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as first:
            await press_early(first)
            stored = await first.evaluate("({...sessionStorage})")
            other = await profile.new_page()
            await other.add_init_script(
                f"if (!sessionStorage.length) Object.assign(sessionStorage, {json.dumps(stored)})"
            )
            await other.goto(gateway.url)
            copy = MooringWindow(other)
            await copy.ready()
        window = MooringWindow(first)
        await window.ready()
        tasks = [*await tasks_of(window), *await tasks_of(copy)]
        assert len(tasks) == 1
        for shown in (first, other):
            await expect(shown.locator(".notice, .error")).to_have_count(0)


async def test_press_that_was_taken_and_never_recorded_is_offered_again(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await press_early(page)
            await page.evaluate(
                """() => {
                  const [press] = JSON.parse(sessionStorage["mooring.early"]);
                  sessionStorage["mooring.early"] = JSON.stringify([{ ...press, isTaken: true }]);
                }"""
            )
            await wait_drawn(page, gateway.url)
        window = MooringWindow(page)
        await window.ready()
        notice = page.locator("[data-kind=unsent]")
        await expect(notice).to_contain_text("was not sent")
        assert await tasks_of(window) == []
        await notice.locator("[data-action=run]").click()
        await expect(page.get_by_test_id("result-image")).to_be_visible()
        await window.reload()
        await expect(notice).to_have_count(0)


async def test_press_is_only_offered_after_a_minute(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await press_early(page)
            await page.evaluate("globalThis.late = Date.now; Date.now = () => late() + 61_000")
        await MooringWindow(page).ready()
        await expect(page.locator("[data-kind=unsent]")).to_be_visible()


async def test_script_cannot_press_run_early(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.evaluate("document.querySelector('#run [data-action=run]').click()")
            await expect(page.locator("#starting")).to_be_hidden()
        window = MooringWindow(page)
        await window.ready()
        assert await tasks_of(window) == []


async def test_other_presses_and_menus_work_before_python(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.get_by_test_id("workflow-picker").click()
            await expect(page.locator("#workflow-list")).to_be_visible()
            await page.locator("#workflow-list [data-action]", has_text="Enlarge").first.click()
            await page.locator("#open-fleet").click()
        window = MooringWindow(page)
        await window.ready()
        await expect(page.locator("dialog[open]")).to_contain_text("Fleet")
        await expect(page.get_by_test_id("workflow-picker")).to_contain_text("Enlarge")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_form_of_another_workflow_is_shown_before_python(browser: Browser, home: Path, locale: str) -> None:
    title, asked = {"en-US": "A slow picture", "zh-CN": "慢速图片"}[locale], list[str]()
    with with_servers_of_two_versions(home) as service:  # where no other test uploads a file, which changes the fleet
        async with visitor(browser, service.url, locale=locale) as (_, profile):
            profile.on("request", lambda request: asked.append(request.url))
            async with starting(profile, service.url) as page:
                for _again in range(2):
                    await choose_workflow(page, title)
                    await expect(page.locator("#fields-slow")).to_be_visible()
                    await expect(page.locator("#workflow-list")).to_be_hidden()
                    await expect(page.locator("#pick-slow")).not_to_have_class(re.compile("is-awaited"))
            await expect_nothing_drawn_again(page)
            assert not [url for url in asked if "/catalogues/" in url]
            await MooringWindow(page).reload()
            await expect(page.locator("#fields-slow")).to_be_visible()


async def test_run_before_python_is_of_the_published_workflow_chosen_then(browser: Browser, home: Path) -> None:
    with with_published_workflows(home) as service:
        async with visitor(browser, service.url) as (_, profile):
            async with starting(profile, service.url) as page:
                await page.get_by_test_id("workflow-picker").click()
                await page.locator("#workflow-query").fill("a search is no input of a form")
                await page.locator("#workflow-list [data-action=open-workflow]", has_text="Bay 1").click()
                await expect(page.get_by_test_id("workflow-picker")).to_contain_text("Bay 1")
                await choose_workflow(page, "Bay 0")
                await page.locator("#field-1-text").fill("a lighthouse in fog")
                await press_early(page)
            await expect_nothing_drawn_again(page)
            await expect(page.get_by_test_id("result-image")).to_be_visible()
            await expect(page.get_by_test_id("workflow-picker")).to_contain_text("Bay 0")
            (task,) = await tasks_of(MooringWindow(page))
            assert "a lighthouse in fog" in task["history"]


async def test_workflow_chosen_before_python_is_kept_for_a_reload(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await choose_workflow(page, "A slow picture")
            text = page.locator("#fields-slow #field-1-text")
            await text.fill("a calm bay")
            await wait_drawn(page, gateway.url)
            await expect(text).to_have_value("a calm bay")
        await MooringWindow(page).ready()
        await expect(text).to_have_value("a calm bay")


async def test_what_was_typed_before_another_workflow_was_chosen_is_kept(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.locator("#field-1-text").fill("a lighthouse in fog")
            await choose_workflow(page, "A slow picture")
            text = page.locator("#fields-slow #field-1-text")
            await text.fill("a calm bay")
        await MooringWindow(page).ready()
        await expect(text).to_have_value("a calm bay")
        await choose_workflow(page, "Text to picture")
        await expect(page.locator("#field-1-text")).to_have_value("a lighthouse in fog")


async def test_workflow_whose_form_does_not_come_is_chosen_by_python(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (user, profile):
        user.watch.expected += ["ERR_FAILED"]
        async with starting(profile, gateway.url) as page:
            await page.route("**/?workflow=*", lambda route: route.abort())
            await page.get_by_test_id("workflow-picker").click()
            entry = page.locator("#pick-slow")
            await entry.click()
            await expect(entry).to_have_class(re.compile("is-awaited"))
        await MooringWindow(page).ready()
        await expect(page.locator("#fields-slow")).to_be_visible()


async def test_first_screen_has_no_violations_of_axe(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile), starting(profile, gateway.url) as page:
        await expect(page.locator("#form textarea").first).to_be_visible()
        await check_axe(page)


async def test_page_without_scripts_says_so_above_its_first_screen(browser: Browser, gateway: Service) -> None:
    await wait_for_drawing(gateway.url)
    async with await browser.new_context(java_script_enabled=False) as profile:
        page = await profile.new_page()
        await page.goto(gateway.url)
        await expect(page.locator("noscript .boot-failure")).to_contain_text("needs JavaScript and WebAssembly")
        await expect(page.locator("noscript .boot-failure")).to_be_visible()
        assert await page.locator(DRAWN).count()


async def test_browser_without_webassembly_says_so(browser: Browser, gateway: Service) -> None:
    async with await browser.new_context() as profile:
        await profile.add_init_script("delete globalThis.WebAssembly")
        page = await profile.new_page()
        await page.goto(gateway.url)
        await expect(page.locator("#boot-failure [data-cause=wasm]")).to_be_visible()
        await expect(page.locator("#boot-failure").get_by_role("button", name="Reload")).to_be_visible()
