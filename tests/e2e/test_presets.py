"""Presets in a real browser: saved, applied over typed values, undone, and available in every window."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user, press_in_menu
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STYLES = [f"style/{number:02}.safetensors" for number in range(30)]
TEXT, STEPS = "#field-1-text", "#field-1-steps"


def make_workflow() -> dict[str, Any]:
    """Return a demo picture with an author's preset."""
    graph = {
        "1": {
            "class_type": "DemoSampler",
            "inputs": {"text": "calm", "seed": 7, "steps": 2, "width": 64, "height": 64, "style": STYLES[0]},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mooring"}},
    }
    return {
        "v": 1,
        "title": "Harbour views",
        "about": "",
        "needs": "demo",
        "fields": [
            {"node": "1", "input": "text", "kind": "text", "label": "Text"},
            {"node": "1", "input": "steps", "kind": "integer", "label": "Steps", "min": 1, "max": 20},
            {
                "node": "1",
                "input": "style",
                "kind": "choice",
                "label": "Style",
                "options": [{"value": value, "label": value} for value in STYLES],
            },
        ],
        "presets": [{"name": "Quick", "values": [{"node": "1", "input": "steps", "value": 1}]}],
        "workflow": graph,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_user(browser: Browser, gateway: Service) -> AsyncIterator[BrowserUser]:
    """A user whose first sample is that workflow."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow()))

    async with open_user(browser, gateway.url) as opened:
        profile = await opened.new_profile()
        await profile.route("**/static/workflows/enlarge.json", answer)
        yield opened


async def test_preset_is_saved_applied_undone_and_shared_by_windows(
    module_user: BrowserUser, window: MooringWindow
) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    dialog, open_presets = page.get_by_test_id("presets-dialog"), page.get_by_test_id("open-presets")
    await page.locator(TEXT).fill("a harbour at night")
    await page.locator(STEPS).fill("3")
    await page.locator("[popovertarget=form-menu]").focus()
    await page.keyboard.press("Enter")
    await expect(open_presets).to_be_focused()
    await page.keyboard.press("Enter")
    await page.locator("#preset-name").fill("Night")
    await page.keyboard.press("Enter")
    mine = dialog.get_by_role("button", name="Night", exact=False).first
    await expect(mine).to_contain_text("in the form now")
    await expect(page.locator("#preset-name")).to_have_value("")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.locator("[popovertarget=form-menu]")).to_be_focused()
    await page.locator(TEXT).fill("a storm")
    await press_in_menu(open_presets)
    await dialog.get_by_role("button", name="Night").first.click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator(TEXT)).to_have_value("a harbour at night")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(TEXT)).to_have_value("a storm")
    await expect(page.locator(STEPS)).to_have_value("3")
    await press_in_menu(open_presets)
    await dialog.get_by_role("button", name="Quick").click()
    await expect(page.locator(STEPS)).to_have_value("1")
    await expect(page.locator(TEXT)).to_have_value("a storm")
    await window.reload()
    await press_in_menu(open_presets)
    await dialog.get_by_role("button", name="Rename “Night”").click()
    await expect(page.locator("#preset-new-name")).to_be_focused()
    await page.locator("#preset-new-name").fill("Evening")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Rename “Evening”")).to_be_visible()
    second = await module_user.open()
    await second.choose_sample("enlarge")
    other = second.page
    await other.set_viewport_size({"width": 360, "height": 700})
    await press_in_menu(other.get_by_test_id("open-presets"))
    await other.get_by_test_id("presets-dialog").get_by_role("button", name="Evening").first.click()
    await expect(other.locator(TEXT)).to_have_value("a harbour at night")
    await press_in_menu(other.get_by_test_id("open-presets"))
    await other.get_by_role("button", name="Delete “Evening”").click()
    await other.get_by_test_id("do-preset").click()
    await expect(other.get_by_test_id("delete-preset")).to_have_count(0)
    await other.mouse.move(0, 0)  # the notice stays under the pointer
    await expect(other.get_by_test_id("undo-deletion")).to_have_count(0)
    await page.keyboard.press("Escape")
    await press_in_menu(open_presets)
    await expect(dialog).to_be_visible()
    await expect(page.get_by_test_id("delete-preset")).to_have_count(0)
    await other.close()


async def test_recent_value_is_chosen_by_keyboard_and_can_be_forgotten(window: MooringWindow) -> None:
    page = window.page
    text, recent, button = page.locator(TEXT), page.locator(f"{TEXT}-recent"), page.locator(f"{TEXT}-recent-open")
    for words in ("a harbour", "a storm"):
        await text.fill(words)
        await window.card(await window.press_run(), "succeeded").wait_for()
    await expect(button).to_have_css("opacity", "0")
    await text.press("Alt+ArrowDown")
    first = recent.get_by_role("button", name="a harbour")
    await expect(first).to_be_focused()
    await check_axe(page)
    await page.keyboard.press("Escape")
    await expect(recent).to_be_hidden()
    await expect(text).to_have_value("a storm")
    await text.focus()
    await page.keyboard.press("Shift+Tab")
    await expect(button).to_be_focused()
    await expect(button).to_have_css("opacity", "1")
    await page.keyboard.press("Enter")
    await expect(first).to_be_focused()
    await page.keyboard.press("ArrowDown")  # there is only one, so it stays selected
    await page.keyboard.press("Enter")
    await expect(text).to_have_value("a harbour")
    await expect(text).to_be_focused()
    await expect(recent).to_be_hidden()
    await page.get_by_role("button", name="Undo").click()
    await expect(text).to_have_value("a storm")
    await window.reload()
    await text.focus()
    await button.click()
    box = await recent.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    await expect(recent.get_by_role("button")).to_have_text(["a harbour"])
    await page.keyboard.press("Escape")
    await press_in_menu(window.page.get_by_test_id("open-keeping"))
    await page.get_by_test_id("forget-recent").click()
    await expect(page.get_by_test_id("forget-recent")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(button).to_have_count(0)
