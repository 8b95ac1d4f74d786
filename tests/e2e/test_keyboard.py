"""The main job by keyboard alone: after each step the focus is where the user continues."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import CDPSession, Locator, Page, expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import paused
from tests.kit.module_gateways import a_server, gateway_of_server
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STEPS_TO = 90  # presses of Tab that reach anything on the page
NOWHERE = "!document.activeElement || document.activeElement === document.body"
TEXT = "#field-1-text"
PICKER = "#workflow-open"
CARD = "[data-testid=task-card]"

# A fast typist's keys while 30 patches a second arrive: this many patches between two keys.
PATCHES_A_KEY = 4
AFTER = ", wide"  # the text after the caret while Chinese is composed
COUNT_PATCHES = """() => {
  globalThis.patches = 0;
  new MutationObserver(() => { patches += 1; }).observe(document.getElementById("main"), {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
  const heads = () => [...document.querySelectorAll("[data-testid=node] button, [data-testid=arrange]")];
  globalThis.stir = setInterval(() => heads().forEach((head) => head.click()), 20);
}"""
TYPED = """(selector) => {
  const field = document.querySelector(selector);
  return [field === document.activeElement, field.value, field.selectionStart, field.selectionEnd];
}"""

server = a_server("--step-seconds", "0.01")
gateway = gateway_of_server


async def expect_focus(page: Page) -> None:
    assert not await page.evaluate(NOWHERE), "the focus is lost"


async def walk(page: Page, selector: str, key: str = "Tab") -> None:
    """Press a key until the element has the focus; every step must keep the focus on some element."""
    for _ in range(STEPS_TO):
        if await page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press(key)
        await expect_focus(page)
    pytest.fail(f"{selector} is not reached by {key}")


async def expect_dialog(page: Page, testid: str) -> Locator:
    """Check that a dialog is open and has the focus."""
    dialog = page.get_by_test_id(testid)
    await dialog.wait_for()
    await wait_for_js(page, "() => document.querySelector('dialog[open]')?.contains(document.activeElement)")
    return dialog


async def expect_no_dialog(page: Page) -> None:
    await page.locator("dialog").wait_for(state="detached")
    await expect_focus(page)


async def choose(page: Page, workflow_id: str, *keys: str) -> None:
    """Choose a workflow in the picker, which has the focus; the list begins at the chosen one."""
    await page.keyboard.press("Enter")
    await expect(page.locator("#workflow-list [aria-current]")).to_be_focused()
    for key in (*keys, "Enter"):
        await page.keyboard.press(key)
    await page.locator(f"#fields-{workflow_id}").wait_for()
    await expect(page.locator(PICKER)).to_be_focused()


async def test_main_job_works_by_keyboard_without_losing_focus(user: BrowserUser, server: Service) -> None:
    page = (await user.open()).page
    # Choose a workflow
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await walk(page, PICKER)
    await choose(page, "text", "ArrowDown", "ArrowUp")

    # Type a text, run, watch until the end
    await walk(page, TEXT)
    await page.keyboard.press("Control+A")
    await page.keyboard.type("dunes at night")
    async with paused(server):
        await page.keyboard.press("Control+Enter")
        await page.locator(f"{CARD}[data-state=running]").wait_for()
        await expect(page.locator(TEXT)).to_be_focused()
    await page.locator(f"{CARD}[data-state=succeeded] [data-testid=result-image]").wait_for()
    await expect(page.locator(TEXT)).to_be_focused()

    # Run a second time, with the focus on an element that disappears at the end
    await walk(page, PICKER, "Shift+Tab")
    await choose(page, "slow", *["ArrowDown"] * 3)
    await walk(page, "#run-button")
    async with paused(server):
        await page.keyboard.press("Enter")
        await page.locator(f"{CARD}[data-state=running]").wait_for()
        await expect(page.locator("#run-button")).to_be_focused()
        await walk(page, "#now [data-testid=cancel]")
    await expect(page.locator(f"{CARD}[data-state=succeeded]")).to_have_count(2)
    await expect(page.locator("#now [data-testid=staying-row]")).to_be_focused()

    # Open the result large, zoom in, use it as input
    await walk(page, PICKER, "Shift+Tab")
    await choose(page, "enlarge", *["ArrowUp"] * 2)
    await walk(page, "#results .result-open")
    await page.keyboard.press("Enter")
    large = await expect_dialog(page, "picture-dialog")
    await page.keyboard.press("+")
    await expect(large.locator(".large-stage img")).to_have_class("is-zoomed")
    await page.keyboard.press("0")
    await walk(page, "[data-testid=use-as-input]")
    await page.keyboard.press("Enter")
    await expect_no_dialog(page)
    await page.locator("[data-testid=drop-1-image].has-picture").wait_for()
    await expect(page.locator("#results .result-open").first).to_be_focused()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(f"{CARD}[data-state=succeeded]")).to_have_count(3)
    await expect_focus(page)

    # Compare two, close, and leave the album
    await walk(page, "#results-album", "Shift+Tab")
    await page.keyboard.press("Enter")
    await page.locator(".cell img").nth(2).wait_for()
    await expect(page.locator("#results-album")).to_be_focused()
    await walk(page, ".cell")
    await page.keyboard.press("Space")
    await page.keyboard.press("Shift+ArrowRight")
    await page.get_by_test_id("album-compare").wait_for()
    await expect(page.locator(".cell").nth(1)).to_be_focused()
    await walk(page, "[data-testid=album-compare]", "Shift+Tab")
    await page.keyboard.press("Enter")
    dialog = await expect_dialog(page, "compare-dialog")
    await expect(dialog.locator("#compare-slider")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(dialog.locator(".compare-stage")).to_have_attribute("style", re.compile("--at: 51%"))
    await walk(page, "[data-testid=compare-way]", "Shift+Tab")
    await page.keyboard.press("Enter")
    await dialog.locator("#compare-slider").wait_for(state="detached")
    await expect_dialog(page, "compare-dialog")
    await page.keyboard.press("Escape")
    await expect_no_dialog(page)
    await page.get_by_test_id("album-pick-all").wait_for()  # what was compared is picked no more
    await expect(page.locator(".cell").nth(1)).to_be_focused()


async def test_button_that_disappears_passes_the_focus_on(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("text")
    await page.locator(TEXT).fill("a storm")
    await page.locator(".form-steps [data-action=undo]:enabled").focus()
    await page.keyboard.press("Enter")
    await page.locator(".form-steps [data-action=undo]:disabled").wait_for()
    await wait_for_js(page, "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await expect(page.locator(".form-steps [data-action=redo]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(TEXT)).to_have_value("a storm")
    await expect(page.locator(".form-steps [data-action=undo]")).to_be_focused()


async def compose(page: Page, input_method: CDPSession, word: tuple[str, str], before: str, *, is_fast: bool) -> None:
    """Type letters for Chinese, and choose the characters.

    Patches for a fast typist refer to letters that have been replaced in the field.
    """
    keys, chosen = word
    for length in range(1, len(keys) + 1):
        await input_method.send(
            "Input.imeSetComposition", {"text": keys[:length], "selectionStart": length, "selectionEnd": length}
        )
        if not is_fast:
            await expect_typed(page, before + keys[:length])
    await expect_typed(page, before + keys)
    await input_method.send("Input.insertText", {"text": chosen})
    await expect_typed(page, before + chosen)


async def expect_typed(page: Page, before: str) -> None:
    """Wait for as many patches as arrive between two keys, and check the texts before and after the caret."""
    await wait_for_patches(page)
    assert await page.evaluate(TYPED, TEXT) == [True, before + AFTER, len(before), len(before)]


async def wait_for_patches(page: Page) -> None:
    """Wait for as many patches as arrive between two keys."""
    so_far = await page.evaluate("patches")
    await wait_for_js(page, "(count) => patches >= count", arg=so_far + PATCHES_A_KEY, polling="raf")


async def test_chinese_composition_survives_thirty_patches_a_second(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("text")
    field = page.locator(TEXT)
    await field.fill(f"a {AFTER}")
    await field.evaluate("(field) => field.setSelectionRange(2, 2)")
    await page.evaluate(COUNT_PATCHES)
    input_method = await page.context.new_cdp_session(page)
    before = "a "
    words = (("hai'gang", "海港", False), ("de", "的", True), ("qing'chen", "清晨", True), ("de'chuan", "的船", True))
    for keys, chosen, is_fast in words:
        await compose(page, input_method, (keys, chosen), before, is_fast=is_fast)
        before += chosen
    await page.evaluate("clearInterval(stir)")
    kept = "JSON.parse(sessionStorage.getItem('mooring.draft')).drafts.text.values"
    await wait_for_js(page, f"() => {kept}.some((item) => item[2] === 'a 海港的清晨的船, wide')")
    await expect(field).to_have_value("a 海港的清晨的船, wide")
