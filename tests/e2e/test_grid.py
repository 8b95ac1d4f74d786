"""A grid of six in a real browser: planned, run, reloaded, and shown as a labelled contact sheet."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused
from tests.kit.services import ROOT, Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ARTIFACTS = ROOT / "tests" / "artifacts"
HEIGHTS = "(cells) => [...new Set(cells.map((cell) => cell.offsetHeight))]"
CELLS = "[data-testid=sheet-cell]"


async def plan_grid(window: MooringWindow) -> None:
    """Plan steps across and seeds down, one of which is invalid at first."""
    page = window.page
    await window.plan_grid("4..12 step 4", "1, x")
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("Row 2: “x” does not fit “Seed”")
    await expect(page.get_by_test_id("many-add")).to_be_disabled()
    await page.get_by_test_id("many-down-text").fill("1, 2")
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("3 columns × 2 rows")


async def save_sheet(page: Page, folder: Path) -> Image.Image:
    """Save the open sheet as one picture."""
    async with page.expect_download() as begun:
        await page.get_by_test_id("save-sheet").click()
    file = folder / "sheet.png"
    await (await begun.value).save_as(file)
    return Image.open(file)


async def test_grid_of_six_becomes_a_contact_sheet_after_reload(
    user: BrowserUser, gateway: Service, tmp_path: Path
) -> None:
    window = await user.open()
    page = window.page
    await window.choose_sample("text")
    await page.locator("#field-1-width").fill("192")
    await page.locator("#field-1-height").fill("128")
    await plan_grid(window)
    async with paused(*demo_servers(gateway), at_step=8):  # the first has four steps
        await page.get_by_test_id("many-add").click()
        await page.get_by_test_id("many-dialog").wait_for(state="detached")
        await page.get_by_test_id("open-sheet").click()
        await expect(page.locator(CELLS)).to_have_count(6)
        await page.locator(f"{CELLS}[data-kind=picture]").first.wait_for()
        await page.locator(f"{CELLS}[data-kind=waiting]").first.wait_for()
        assert len(await page.locator(CELLS).evaluate_all(HEIGHTS)) == 1, "no cell grows when its picture arrives"
        await window.reload()
    entry = page.get_by_test_id("sheet-entry")
    await expect(entry).to_contain_text("3 columns × 2 rows")
    await expect(entry).to_contain_text("6 of 6 done")
    await page.get_by_test_id("open-sheet").click()
    await expect(page.locator(f"{CELLS}[data-kind=picture]")).to_have_count(6)
    table = page.locator(".sheet-table")
    assert await table.locator("thead th").all_inner_texts() == ["Steps 4", "Steps 8", "Steps 12"]
    assert await table.locator("tbody th").all_inner_texts() == ["Seed 1", "Seed 2"]
    tasks = await page.evaluate("windowTasks")
    assert len(tasks) == 6 and {task["state"] for task in tasks} == {"succeeded"}
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / "contact-sheet.png")
    drawn = await save_sheet(page, tmp_path)
    size = "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    wide, high = await page.locator(f"{CELLS} img").first.evaluate(size)
    assert drawn.width > 3 * wide and drawn.height > 2 * high, "the pictures and room for the labels"
    assert len(drawn.convert("RGB").getcolors(2**24) or []) > 100
    await page.locator(f"{CELLS} button").nth(4).click()
    await page.get_by_test_id("picture-dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("sheet-dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
