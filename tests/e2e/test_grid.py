"""A grid of nine in a real browser: planned, run, reloaded, and shown as a labelled contact sheet."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.e2e.axe_kit import check_axe
from tests.e2e.window_kit import BrowserUser, MooringWindow
from tests.services import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ARTIFACTS = ROOT / "tests" / "artifacts"
CELLS = "[data-testid=sheet-cell]"


async def plan_grid(window: MooringWindow) -> None:
    """Plan steps across and seeds down, one of which is invalid at first."""
    page = window.page
    await window.plan_grid("2..6 step 2", "1, x, 3")
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("Row 2: “x” does not fit “Seed”")
    await expect(page.get_by_test_id("many-add")).to_be_disabled()
    await page.get_by_test_id("many-down-text").fill("1, 2, 3")
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("3 columns × 3 rows")
    await check_axe(page)


async def save_sheet(page: Page, folder: Path) -> Image.Image:
    """Save the open sheet as one picture."""
    async with page.expect_download() as begun:
        await page.get_by_test_id("save-sheet").click()
    file = folder / "sheet.png"
    await (await begun.value).save_as(file)
    return Image.open(file)


async def test_grid_of_nine_becomes_a_contact_sheet_after_reload(user: BrowserUser, tmp_path: Path) -> None:
    window = await user.open()
    page = window.page
    await window.choose_sample("text")
    await plan_grid(window)
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("many-dialog").wait_for(state="detached")
    await page.get_by_test_id("open-sheet").click()
    await expect(page.locator(CELLS)).to_have_count(9)
    await page.locator(f"{CELLS}[data-kind=waiting]").first.wait_for()
    await page.locator(f"{CELLS}[data-kind=picture]").first.wait_for()
    await window.reload()
    entry = page.get_by_test_id("sheet-entry")
    await expect(entry).to_contain_text("3 columns × 3 rows")
    await expect(entry).to_contain_text("9 of 9 done")
    await page.get_by_test_id("open-sheet").click()
    await expect(page.locator(f"{CELLS}[data-kind=picture]")).to_have_count(9)
    table = page.locator(".sheet-table")
    assert await table.locator("thead th").all_inner_texts() == ["Steps 2", "Steps 4", "Steps 6"]
    assert await table.locator("tbody th").all_inner_texts() == ["Seed 1", "Seed 2", "Seed 3"]
    tasks = await page.evaluate("windowTasks")
    assert len(tasks) == 9 and {task["state"] for task in tasks} == {"succeeded"}
    await check_axe(page)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / "contact-sheet.png")
    drawn = await save_sheet(page, tmp_path)
    size = "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    wide, high = await page.locator(f"{CELLS} img").first.evaluate(size)
    assert drawn.width > 3 * wide and drawn.height > 3 * high, "the pictures and room for the labels"
    assert len(drawn.convert("RGB").getcolors(2**24) or []) > 100
    await page.locator(f"{CELLS} button").nth(4).click()
    await page.get_by_test_id("picture-dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("sheet-dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
