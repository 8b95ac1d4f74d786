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

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import held, wait_for_drawing, wait_for_js
from tests.kit.browser.faults import until
from tests.kit.browser.windows import FIRST_SCRIPT, BrowserUser, MooringWindow, open_user
from tests.kit.services import ROOT, Service, start_demo, start_gateway
from tests.kit.studio import PASSWORD, write_users

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PYTHON = "**/pyodide.asm.wasm"
DRAWN = "body.is-drawn"
HAS_DRAWING = """async () => (await (await fetch(location.href)).text()).includes('data-drawn="')"""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
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
    """Wait until the gateway has its drawing, and open the page, which stays before Python."""
    await until(lambda: is_read(page, address))
    while True:
        await page.goto(address, wait_until="commit")
        await page.locator("#boot").wait_for(state="attached")
        if await page.locator(DRAWN).count():
            return
        await wait_for_js(page, HAS_DRAWING)  # asking for the document costs less than opening it


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
    ("path", "text", "options"),
    [("/?lang=zh-CN", "文字生成图片", {}), ("/", "Text to picture", {"locale": "de-DE", **PHONE})],
    ids=["asked", "german-phone"],
)
async def test_python_takes_the_first_screen_over_in_each_language(
    browser: Browser, gateway: Service, path: str, text: str, options: dict[str, Any]
) -> None:
    """In one that the address asks for, and on a phone whose language Mooring does not have."""
    async with visitor(browser, gateway.url, **options) as (_, profile):
        page = await expect_taken_over(profile, gateway.url + path)
        await expect(page.locator("#form")).to_contain_text(text)


async def test_chosen_language_is_that_of_the_next_first_screen(browser: Browser, gateway: Service) -> None:
    """And a drawing has the classes that its form needs, so a window asks for no catalogue before it can be used."""
    async with visitor(browser, gateway.url) as (_, profile):
        asked: list[str] = []
        profile.on("request", lambda request: asked.append(request.url))
        page = await expect_taken_over(profile, gateway.url)
        await expect(page.locator("#form")).to_contain_text("Text to picture")
        assert json.loads(await page.locator("#first-classes").text_content() or "{}")
        assert not [url for url in asked if "/catalogues/" in url]
        await page.keyboard.press(",")
        await page.locator("#setting-language").select_option("zh-CN")
        await expect(page.locator("#run")).to_contain_text("运行")
        page = await expect_taken_over(profile, gateway.url)
        await expect(page.locator("#run")).to_contain_text("运行")


@pytest.fixture(scope="module")
def mixed() -> Iterator[Service]:
    """A gateway with servers of two versions and one that is away. No test uploads a file, which changes a fleet."""
    with (
        start_demo() as new,
        start_demo("--speaks", "0.3.64") as old,
        start_gateway(
            *("--server", f"new={new.url}", "--server", f"old={old.url}", "--server", "away=http://127.0.0.1:9")
        ) as service,
    ):
        yield service


@contextlib.contextmanager
def with_published_workflows(home: Path) -> Iterator[Service]:
    text = (ROOT / "static/workflows/text.json").read_text("utf-8")
    for title in ("Dunes at night", *(f"Bay {number}" for number in range(9))):  # more than the picker lists at first
        (home / f"{title}.json").write_text(text.replace("Text to picture", title), "utf-8")
    with start_demo() as here, start_gateway("--server", f"a={here.url}", "--workflows", str(home)) as service:
        yield service


async def test_python_takes_over_where_no_server_answers(browser: Browser) -> None:
    with start_gateway("--server", "a=http://127.0.0.1:9") as service:
        async with visitor(browser, service.url) as (_, profile):
            await expect_taken_over(profile, service.url)


async def test_users_have_first_screens_of_their_own_that_nothing_stores(browser: Browser, tmp_path: Path) -> None:
    write_users(tmp_path / "users.toml")
    with start_demo() as here:
        flags = ("--server", f"a={here.url}", "--users", str(tmp_path / "users.toml"))
        with start_gateway(*flags) as service:
            for name in ("alice", "carol"):
                async with visitor(browser, service.url) as (user, profile):
                    user.watch.expected += [r"status of 40[13]"]
                    page = await profile.new_page()
                    async with held(page, PYTHON):
                        await page.goto(service.url)
                        await page.locator("#name").fill(name)
                        await page.locator("#password").fill(PASSWORD)
                        await page.locator("#enter").click()
                        await page.locator("#boot").wait_for(state="attached")
                        await wait_drawn(page, service.url)
                        await expect(page.get_by_test_id("workflow-picker")).to_be_visible()
                    await expect_nothing_drawn_again(page)
                    answer = await page.request.get(service.url)
                    assert answer.headers["cache-control"] == "private, no-store"
                    assert 'data-drawn="' in await answer.text()


async def test_early_run_and_typing_survive_a_reload_and_python(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        text = "#field-1-text"
        async with starting(profile, gateway.url) as page:
            await page.locator(text).fill("a lighthouse in fog")
            await press_early(page)
            await wait_drawn(page, gateway.url)
            await expect(page.locator("#starting")).to_be_visible()
            await expect(page.locator(text)).to_have_value("a lighthouse in fog")
            await page.locator(text).fill("a harbour at noon")
            assert await page.evaluate(f"(document.querySelector('{text}').mark = 'same').length")
        window = MooringWindow(page)
        await window.ready()
        assert await page.evaluate(f"document.querySelector('{text}').mark") == "same"
        await expect(page.locator("#starting")).to_be_hidden()
        await expect(page.get_by_test_id("result-image")).to_be_visible()
        await window.reload()
        (task,) = await tasks_of(window)
        assert "a lighthouse in fog" in task["history"]
        await expect(page.locator(text)).to_have_value("a harbour at noon")
        await expect(page.locator("#notices")).to_be_empty()


async def test_cancelled_press_and_that_of_a_script_run_nothing(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await press_early(page)
            await page.locator("#starting button").click()
            await expect(page.locator("#starting")).to_be_hidden()
            await page.evaluate("document.querySelector('#run [data-action=run]').click()")
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


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_form_of_another_workflow_is_shown_before_python(browser: Browser, mixed: Service, locale: str) -> None:
    """And Python takes over what the gateway drew for its servers, in each language."""
    asked: list[str] = []
    first, title = {"en-US": ("Text to picture", "A slow picture"), "zh-CN": ("文字生成图片", "慢速图片")}[locale]
    async with visitor(browser, mixed.url, locale=locale) as (_, profile):
        profile.on("request", lambda request: asked.append(request.url))
        async with starting(profile, mixed.url) as page:
            await expect(page.locator("#form")).to_contain_text(first)
            for _again in range(2):
                await choose_workflow(page, title)
                await expect(page.locator("#fields-slow")).to_be_visible()
                await expect(page.locator("#workflow-list")).to_be_hidden()
                await expect(page.locator("#pick-slow")).not_to_have_class(re.compile("is-awaited"))
        await expect_nothing_drawn_again(page)
        assert not [url for url in asked if "/catalogues/" in url]


async def test_run_before_python_is_of_the_published_workflow_chosen_then(browser: Browser, tmp_path: Path) -> None:
    with with_published_workflows(tmp_path) as service:
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


async def test_workflow_and_texts_from_before_python_are_kept(browser: Browser, gateway: Service) -> None:
    """Through a reload before Python, and one after it."""
    async with visitor(browser, gateway.url) as (_, profile):
        async with starting(profile, gateway.url) as page:
            await page.locator("#field-1-text").fill("a lighthouse in fog")
            await choose_workflow(page, "A slow picture")
            text = page.locator("#fields-slow #field-1-text")
            await text.fill("a calm bay")
            await wait_drawn(page, gateway.url)
            await expect(text).to_have_value("a calm bay")
        window = MooringWindow(page)
        await window.ready()
        await expect(text).to_have_value("a calm bay")
        await window.reload()
        await expect(text).to_have_value("a calm bay")
        await choose_workflow(page, "Text to picture")
        await expect(page.locator("#field-1-text")).to_have_value("a lighthouse in fog")


async def test_choice_without_a_form_and_other_presses_wait_for_python(browser: Browser, gateway: Service) -> None:
    async with visitor(browser, gateway.url) as (user, profile):
        user.watch.expected += ["ERR_FAILED"]
        async with starting(profile, gateway.url) as page:
            await page.route("**/?workflow=*", lambda route: route.abort())
            await page.get_by_test_id("workflow-picker").click()
            await expect(page.locator("#workflow-list")).to_be_visible()
            entry = page.locator("#pick-slow")
            await entry.click()
            await expect(entry).to_have_class(re.compile("is-awaited"))
            await page.locator("#open-fleet").click()
        await MooringWindow(page).ready()
        await expect(page.locator("dialog[open]")).to_contain_text("Fleet")
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
