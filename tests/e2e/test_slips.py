"""A double click, a held key, Escape or an unsuitable file loses no work, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, press_for_result, press_in_menu
from tests.kit.browser.work import paused, quick_workflow
from tests.kit.module_gateways import a_server, gateway_of_server
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

CARD = "[data-testid=task-card]"
SOON = 700  # milliseconds, less than in `static/js/aim.js`
RESUME_SHOWN = """([x, y]) => {
  const control = document.elementFromPoint(x, y).closest("[data-action]");
  return control?.dataset.action === "line-resume" && performance.now();
}"""
NOTE_PRESSES = """() => {
  globalThis.presses = [];
  addEventListener("pointerdown", (event) => presses.push(event.timeStamp));
}"""
TOP = "document.getElementById('results').getBoundingClientRect().top + scrollY"
DROP = """([selector, name, type, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const how = { bubbles: true, cancelable: true, dataTransfer: transfer };
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", how));
}"""

server = a_server("--step-seconds", "0.01")
gateway = gateway_of_server


async def _press_twice(page: Page, pause: Locator) -> float:
    """Click, wait for Resume, click at the same place, and return the milliseconds since Resume appeared."""
    await pause.hover()  # once it has stopped moving
    box = await pause.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.down()
    await page.mouse.up()
    shown = await wait_for_js(page, RESUME_SHOWN, arg=[x, y])
    await page.mouse.down()
    await page.mouse.up()
    return float(await page.evaluate("presses.at(-1)")) - float(await shown.json_value())


async def test_double_click_on_pause_resumes_nothing(window: MooringWindow, server: Service) -> None:
    page = window.page
    await window.choose_sample("slow")
    await page.evaluate(NOTE_PRESSES)
    async with paused(server):
        await page.get_by_test_id("run-count").fill("6")
        await page.get_by_test_id("run").click()
        pause, resume = page.get_by_test_id("line-pause"), page.get_by_test_id("line-resume")
        await page.locator(f"{CARD}[data-state=running] progress").wait_for()  # rows come above it until then
        while True:  # on a loaded machine the second click may come too late to count as a double click
            if await _press_twice(page, pause) <= SOON:
                break
            await page.mouse.move(0, 0)
            if await resume.is_visible():
                await resume.click()
            await pause.wait_for()
    await page.get_by_test_id("stop").click()
    assert await resume.count() == 1, "it is still paused"
    await page.get_by_test_id("cancel-mine").last.click()
    notice = page.locator("#errors [data-kind=stopped]")
    await expect(notice).to_contain_text(re.compile("Stopp(ing|ed)"))
    await notice.locator("[data-action=dismiss-notice]").click()
    await expect(page.get_by_test_id("stop")).to_be_disabled()


async def test_held_enter_presses_run_once(window: MooringWindow, server: Service) -> None:
    page = window.page
    await window.wait_for(await window.submit(quick_workflow()))  # before a first run the empty queue is small
    await window.choose_sample("text")
    before, ended = await page.locator(CARD).count(), await page.locator(f"{CARD}[data-state=succeeded]").count()
    await page.get_by_test_id("run").focus()
    top = await page.evaluate(TOP)
    async with paused(server):
        for _ in range(5):
            await page.keyboard.down("Enter")  # all but the first are key repeats
        await page.keyboard.up("Enter")
        await page.locator(f"{CARD}[data-state=running]").wait_for()
        assert await page.evaluate(TOP) == top, "results keep their place"
    await expect(page.locator(f"{CARD}[data-state=succeeded]")).to_have_count(ended + 1)
    await expect(page.locator(CARD)).to_have_count(before + 1)
    await page.locator("#fields-text textarea").first.focus()
    await page.keyboard.down("Control")
    for _ in range(5):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await page.keyboard.up("Control")
    await expect(page.locator(f"{CARD}[data-state=succeeded]")).to_have_count(ended + 2)
    await expect(page.locator(CARD)).to_have_count(before + 2)


async def test_dropped_file_that_cannot_be_used_changes_nothing(window: MooringWindow, photo: Path) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    name = page.locator(".drop-name")
    notices = page.locator("#errors [data-testid=notice]")
    await page.evaluate(DROP, ["#results", "bad.pdf", "application/pdf", [104, 105]])
    await expect(notices).to_contain_text("was not used")
    await expect(notices).to_contain_text("bad.pdf")
    await page.evaluate(DROP, ["#results", "junk.png", "image/png", [1, 2, 3]])
    await expect(notices.first).to_contain_text("junk.png")
    await page.evaluate(DROP, ["[data-drop]", "broken.png", "image/png", [1, 2, 3]])
    await expect(notices.first).to_contain_text("broken.png")
    await expect(name).to_have_text(photo.name)
    await expect(page.get_by_test_id("run")).to_be_enabled()


async def test_undo_restores_a_replaced_picture(window: MooringWindow, photo: Path) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    name = page.locator(".drop-name")
    await page.evaluate(DROP, ["#results", "other.png", "image/png", list(photo.read_bytes())])  # noqa: ASYNC240 - small and local
    await expect(name).to_have_text("other.png")
    await page.locator(".form-steps [data-action=undo]").click()
    await expect(name).to_have_text(photo.name)
    await wait_for_js(page, "() => document.querySelector('.drop-picture').naturalWidth > 0")
    await page.locator("[data-action=clear-picture]").click()
    await expect(name).to_have_count(0)
    await page.locator(".form-steps [data-action=undo]").click()
    await expect(name).to_have_text(photo.name)


async def _cards(window: MooringWindow, count: int) -> None:
    await expect(window.page.locator("#results").locator(CARD)).to_have_count(count)


async def test_undo_ctrl_z_and_reload_restore_deleted_result(user: BrowserUser) -> None:
    window = await user.open()
    page = window.page
    for colour in (1, 2):
        await window.wait_for(await window.submit(quick_workflow(colour), "Dunes"))
    await _cards(window, 2)
    latest = page.locator("#results .tile").first
    undo = page.get_by_test_id("undo-deletion")
    await press_for_result(latest, "album-ask-delete")
    await window.hold_deletions()
    await _cards(window, 1)
    await expect(page.locator("#errors")).to_contain_text("“Dunes” deleted, with its results.")
    await check_axe(page)
    await undo.click()
    await _cards(window, 2)
    await expect(undo).to_have_count(0)

    await press_for_result(latest, "album-ask-delete")
    await window.hold_deletions()
    await _cards(window, 1)
    await page.locator("#results-album").click()
    await expect(page.locator("#album-grid .cell")).to_have_count(1)
    await page.keyboard.press("Control+z")
    await expect(page.locator("#album-grid .cell img")).to_have_count(2)
    await page.locator("#results-latest").click()

    await press_for_result(latest, "album-ask-delete")
    await window.hold_deletions()
    await _cards(window, 1)
    assert len((await window.facts())["tasks"]) == 2, "nothing is deleted yet"
    await window.reload()
    await _cards(window, 2)

    await press_for_result(latest, "album-ask-delete")
    await page.mouse.move(0, 0)  # the notice stays under the pointer
    await wait_for_js(page, "() => windowTasks.length === 1")
    await expect(undo).to_have_count(0)
    await _cards(window, 1)


async def test_deletion_in_a_dialog_is_undone_there(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("text")
    await press_in_menu(page.get_by_test_id("open-presets"))
    await page.locator("#preset-name").fill("Night")
    await page.keyboard.press("Enter")
    mine = page.locator("[data-action=ask-preset][data-ask=delete]")
    await mine.click()
    await page.locator("[data-action=delete-preset]").click()
    await expect(mine).to_have_count(0)
    await page.locator("dialog").get_by_test_id("undo-deletion").click()
    await expect(mine).to_have_count(1)
    await page.locator("#preset-name").fill("Day")
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
    await press_in_menu(page.get_by_test_id("open-presets"))
    await expect(page.locator("#preset-name")).to_have_value("Day")


async def test_escape_does_not_discard_a_painting(window: MooringWindow, photo: Path) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await page.locator("[data-action=paint-mask]").click()
    dialog, asked = page.get_by_test_id("mask-dialog"), page.get_by_test_id("mask-question")
    undo = dialog.locator("[data-mask-tool=undo]")
    await page.locator("#mask-sheet canvas").first.wait_for()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")  # nothing was painted

    await page.locator("[data-action=paint-mask]").click()
    await page.locator("#mask-sheet canvas").first.wait_for()
    await page.locator("#mask-stage").focus()
    await page.keyboard.press("Space")
    await expect(undo).to_be_enabled()
    for leave in ("Escape", "close", "beside"):
        if leave == "Escape":
            await page.keyboard.press("Escape")
        elif leave == "close":
            await dialog.locator(".large-head [data-action=close-dialog]").click()
        else:
            await page.evaluate("document.querySelector('dialog').click()")
        await expect(asked).to_be_visible()
        if leave == "Escape":
            await check_axe(page)
        await asked.locator("[data-mask-tool=resume]").click()
        await expect(asked).to_be_hidden()
        await expect(undo).to_be_enabled()
    await page.keyboard.press("Escape")
    await asked.locator("[data-mask-tool=done]").click()
    await expect(page.locator(".drop-name")).to_contain_text("-masked.png")
    await page.keyboard.press("Control+z")  # outside of a text field it undoes the step in the form
    await expect(page.locator(".drop-name")).to_have_text(photo.name)

    await page.locator("[data-action=paint-mask]").click()
    await page.locator("#mask-sheet canvas").first.wait_for()
    await page.locator("#mask-stage").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("mask-discard").click()
    await dialog.wait_for(state="detached")
    await expect(page.locator(".drop-name")).to_have_text(photo.name)
