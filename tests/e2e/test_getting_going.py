"""Settings, the command palette, keys, notices and errors in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway.page.languages import INDEX, compile_catalogue, locale_files
from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import BARE, wait_for_js
from tests.kit.browser.windows import FIRST_SCRIPT as USUAL
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import quick_workflow
from tests.kit.services import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

FOCUS = "document.activeElement?.id"
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
ACTIVE = """() => {
  const active = document.getElementById("palette-query").getAttribute("aria-activedescendant");
  return active && document.getElementById(active)?.getAttribute("aria-selected") === "true" ? active : "";
}"""
# A browser at an address without TLS, with notifications and sounds, that records what it was asked to show.
FIRST_SCRIPT = f"""{USUAL}
Object.defineProperty(navigator, "clipboard", {{ value: undefined }});
globalThis.noted = [];
globalThis.Notification = class {{
  static permission = "default";
  static async requestPermission() {{ return (Notification.permission = "granted"); }}
  constructor(title, options) {{ noted.push(["notice", title, options.body]); Notification.last = this; }}
  close() {{ noted.push(["closed"]); }}
}};
OscillatorNode.prototype.start = function () {{ noted.push(["note", Math.round(this.frequency.value)]); }};
"""


async def open_dialog(page: Page, name: str) -> None:
    await page.get_by_test_id(name).click()


async def close_dialog(page: Page) -> None:
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")


def wrong(number: int) -> str:
    """Return a text that is no workflow, with a different error for each number."""
    return '{"' + "a" * number + '" 1}'


async def cause_error(page: Page, text: str) -> None:
    """Cause an error notice by pasting a text that is no workflow."""
    detail = {"name": "open-text", "facts": {"text": text}}
    await page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('mooring-action', { detail }))", detail)


async def test_setting_is_kept_and_applies_to_other_windows(module_user: BrowserUser, page: Page) -> None:
    await open_dialog(page, "open-settings")
    await page.locator(".segment", has_text="Dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await check_axe(page)
    await page.locator("#setting-language").select_option("zh-CN")
    await page.get_by_test_id("has-keys").click()
    await expect(page.get_by_test_id("has-keys")).to_have_attribute("aria-checked", "false")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")

    other = (await module_user.open()).page
    await expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(other.get_by_test_id("run")).to_contain_text("运行")
    await expect(other.locator("html")).to_have_attribute("data-keys", "off")
    await page.locator("#setting-language").select_option("en")
    await page.locator(".segment", has_text="Light").click()
    for window in (page, other):
        await expect(window.get_by_test_id("run")).to_contain_text("Run")
        await expect(window.locator("html")).to_have_attribute("lang", "en")
        await expect(window.locator("html")).to_have_attribute("data-theme", "light")
    await close_dialog(page)
    assert await page.evaluate("document.activeElement.dataset.testid") == "open-settings"
    await page.keyboard.press("?")
    await expect(page.locator("dialog")).to_have_count(0)
    await other.close()
    await open_dialog(page, "open-settings")
    await page.get_by_test_id("has-keys").click()
    await expect(page.locator("html")).not_to_have_attribute("data-keys", "off")


async def test_sample_photo_fills_an_empty_input(module_user: BrowserUser) -> None:
    window = await module_user.open()
    page = window.page
    await window.choose_sample("enlarge")
    field = page.get_by_test_id("drop-1-image")
    for name in ("dunes", "harbour", "hills"):
        await page.get_by_test_id(f"sample-{name}").click()
        await expect(field).to_have_class(re.compile("has-picture"))
        await expect(page.get_by_test_id(f"sample-{name}")).to_have_count(0)
        await expect(page.get_by_test_id("run")).to_be_enabled()
        await page.locator("[data-action=clear-picture]").click()
    await page.close()


async def test_palette_runs_every_command_by_keyboard(page: Page) -> None:
    await page.locator("#workflow-open").focus()
    await page.keyboard.press("Control+K")
    await expect(page.get_by_test_id("palette")).to_be_visible()
    assert await page.evaluate(FOCUS) == "palette-query"

    first = await page.evaluate(ACTIVE)
    assert first
    await page.keyboard.press("ArrowDown")
    second = await page.evaluate(ACTIVE)
    await page.keyboard.press("ArrowUp")
    assert (await page.evaluate(ACTIVE), second != first) == (first, True)
    await page.keyboard.press("ArrowUp")
    assert await page.evaluate(ACTIVE) not in {"", first, second}, "from the first to the last"

    await page.locator("#palette-query").fill("")
    await page.keyboard.type("slow")
    await page.keyboard.press("Enter")  # before the list is drawn: the typed text counts
    await page.locator("#fields-slow").wait_for()
    assert await page.evaluate(FOCUS) == "workflow-open", "where it was"

    await page.keyboard.press("Control+K")
    await page.keyboard.type("~")
    await expect(page.locator(".palette-none")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("palette")).to_be_visible()
    await page.keyboard.press("Control+K")
    await page.locator("dialog").wait_for(state="detached")

    await page.keyboard.press("Control+K")
    await page.keyboard.type("no such thing")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("album-search")).to_have_value("no such thing")
    await wait_for_js(page, f"{FOCUS} === 'album-text'")
    await page.locator("#results-latest").click()

    await page.keyboard.press("Control+K")
    await page.keyboard.type("results jump")
    await page.keyboard.press("Enter")
    await wait_for_js(page, f"{FOCUS} === 'results'")
    await page.keyboard.press("Control+K")
    await expect(page.locator("#palette-list [role=option]").first).to_have_attribute("data-command", "go-results")
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")


async def test_single_key_shortcut_works_only_outside_of_fields(page: Page) -> None:
    await page.evaluate("document.getElementById('pick-text').click()")
    await page.locator("#fields-text").wait_for()  # the earlier form also has a field of this name
    await page.locator("#field-1-text").fill("why")
    await page.keyboard.type("?g/,")
    await expect(page.locator("#field-1-text")).to_have_value("why?g/,")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.locator("#workflow-open").focus()
    composing = "new KeyboardEvent('keydown', { key: '?', isComposing: true, bubbles: true, cancelable: true })"
    assert await page.evaluate(f"document.activeElement.dispatchEvent({composing})"), "not taken while text is composed"
    await page.keyboard.press("?")
    await expect(page.get_by_test_id("shortcuts")).to_be_visible()
    await page.keyboard.press("g")
    await expect(page.locator("dialog")).to_have_count(1)
    await close_dialog(page)
    await page.keyboard.press("g")
    await expect(page.locator("dialog.graph")).to_be_visible()
    await close_dialog(page)
    async with page.expect_popup() as opened:
        await page.keyboard.press("n")
    await (await opened.value).close()


async def test_errors_stay_until_dismissed_and_can_be_copied(page: Page) -> None:
    for number in range(1, 6):
        await cause_error(page, wrong(number))
    errors = page.locator("#errors [data-testid=notice]")
    await expect(errors).to_have_count(5)
    await check_axe(page)

    await page.evaluate("document.addEventListener('copy', () => { globalThis.wasCopied = true; })")
    await errors.first.get_by_test_id("copy").click()
    await expect(errors.first.get_by_test_id("copy")).to_have_text("Copied")
    assert await page.evaluate("wasCopied")
    await page.evaluate("document.execCommand = () => false")
    await errors.nth(1).get_by_test_id("copy").click()
    await expect(errors.nth(1).get_by_test_id("copy")).to_contain_text("press Ctrl+C")
    assert "BadInput" in await page.evaluate("String(getSelection())"), "the text to copy is selected"
    await page.evaluate("delete document.execCommand")

    await page.evaluate("document.querySelector('[data-action=open-library]').click()")
    await page.locator("#library").wait_for()
    await expect(errors).to_have_count(5)
    await errors.first.locator("[data-action=dismiss-notice]").click()  # above the dialog, not behind it
    await expect(errors).to_have_count(4)
    await close_dialog(page)
    await cause_error(page, wrong(2))
    await expect(errors).to_have_count(4)  # an equal notice is shown once
    await page.get_by_test_id("dismiss-errors").click()
    await expect(page.locator("#errors")).to_be_hidden()


async def test_hidden_page_notifies_once_or_the_setting_says_why_not(
    module_user: BrowserUser, window: MooringWindow
) -> None:
    page = window.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await open_dialog(page, "open-settings")
    await page.get_by_test_id("has-notices").click()
    await expect(page.get_by_test_id("has-notices")).to_have_attribute("aria-checked", "true")
    await page.get_by_test_id("has-sound").click()
    await page.get_by_test_id("try-notification").click()
    await wait_for_js(page, "noted.some(([kind]) => kind === 'note')")
    assert await page.evaluate(WIDTH) == 360
    await close_dialog(page)
    await page.evaluate("noted.length = 0")

    prompt_id = await window.submit(quick_workflow(1), "Seen")
    await window.show("results")
    await window.card(prompt_id, "succeeded").wait_for()
    assert await page.evaluate("noted") == [], "the page is visible"
    await page.evaluate("document.hasFocus = () => false")
    prompt_id = await window.submit(quick_workflow(2), "In the background")
    await wait_for_js(page, "noted.some(([kind]) => kind === 'notice')")
    ((kind, title, body),) = [item for item in await page.evaluate("noted") if item[0] == "notice"]
    server = (await window.task(prompt_id))["executionServer"]
    assert (kind, title, body) == ("notice", f"Finished · {server}", "In the background")
    await page.evaluate("globalThis.focus = () => noted.push(['focused']); Notification.last.onclick()")
    assert ["focused"] in await page.evaluate("noted")

    module_user.watch.expected.append("favicon.ico")
    other = (await module_user.open(BARE, is_ready=False)).page  # it shares the record of what was notified
    facts: dict[str, Any] = {"ids": [prompt_id], "title": "again", "body": "", "hasNotice": True, "isQuiet": False}
    say = "async (facts) => (await import('/static/js/notify.js')).notify(JSON.stringify(facts))"
    await other.evaluate("void (Notification.permission = 'granted')")
    await other.evaluate(say, facts)
    assert await other.evaluate("noted") == []
    await other.evaluate(say, {**facts, "ids": ["another"]})
    assert (await other.evaluate("noted"))[0][1] == "again"
    await other.close()

    await page.evaluate("() => { globalThis.Noted = Notification; delete globalThis.Notification; }")
    await open_dialog(page, "open-settings")
    await expect(page.get_by_test_id("has-notices")).to_be_disabled()
    await expect(page.locator("#has-notices-about")).to_contain_text("Not possible here")
    for name in ("palette", "shortcuts"):
        await close_dialog(page)
        await page.keyboard.press("Control+K" if name == "palette" else "?")
        await expect(page.get_by_test_id(name)).to_be_visible()
        assert await page.evaluate(WIDTH) == 360
    await page.evaluate("() => { globalThis.Notification = Noted; delete globalThis.focus; delete document.hasFocus; }")
    await close_dialog(page)
    await open_dialog(page, "open-settings")
    for name in ("has-notices", "has-sound"):
        await page.get_by_test_id(name).click()
        await expect(page.get_by_test_id(name)).to_have_attribute("aria-checked", "false")


POLISH = """msgid ""
msgstr ""
"Language: pl\\n"
"X-Name: Polski\\n"

msgid "Run"
msgstr "Uruchom"

msgid "Starting Mooring"
msgstr "Wczytywanie"
"""


async def test_third_language_needs_only_a_catalogue(user: BrowserUser) -> None:
    """The gateway lists all files in `static/locales` (`tests/unit/gateway/page/test_languages.py`)."""
    profile = await user.new_profile(locale="pl-PL")
    polish = [compile_catalogue("pl", POLISH)]
    files = locale_files(polish, [(ROOT / "index.html").read_text("utf-8")])
    await profile.route("**/static/locales/index.json", lambda route: route.fulfill(body=files[INDEX]))
    await profile.route("**/static/locales/pl.mo", lambda route: route.fulfill(body=polish[0].catalogue))
    page = (await user.open()).page
    await expect(page.locator("html")).to_have_attribute("lang", "pl")
    await expect(page.get_by_test_id("run")).to_contain_text("Uruchom")
    await expect(page.locator("[data-step=modules]")).to_have_text("Wczytywanie")
    await open_dialog(page, "open-settings")
    options = page.locator("#setting-language option")
    await expect(options).to_have_text(["Browser language", "English", "Polski"])
    await page.locator("#setting-language").select_option("en")
    await expect(page.get_by_test_id("run")).to_contain_text("Run")
