"""The form in a real browser: thousands of choices by keyboard, nodes folded and found, and accessibility.

The page receives another workflow in place of the first sample, as if the installation had published it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.axe_kit import check_axe
from tests.e2e.browser_kit import wait_for_js
from tests.e2e.window_kit import BrowserUser, MooringWindow

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

LORAS = [f"style/{number:04}.safetensors" for number in range(3000)]
LORA = "#field-1-lora"
KEPT = "JSON.parse(sessionStorage.getItem('mooring.draft'))?.drafts?.enlarge?.values ?? []"


def make_workflow() -> dict[str, Any]:
    """Return a demo picture with 3,000 choices without effect, a switch, and 60 more nodes."""
    graph: dict[str, Any] = {
        "1": {
            "class_type": "DemoSampler",
            "inputs": {"text": "calm", "seed": 7, "steps": 2, "width": 64, "height": 64, "lora": LORAS[0], "on": True},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mooring"}},
    }
    for number in range(10, 70):
        graph[str(number)] = {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": f"extra-{number}"},
            "_meta": {"title": f"Copy {number}"},
        }
    options = [{"value": value, "label": value} for value in LORAS]
    return {
        "v": 1,
        "title": "Many choices",
        "about": "",
        "needs": "demo",
        "fields": [
            {"node": "1", "input": "text", "kind": "text", "label": "Text"},
            {"node": "1", "input": "lora", "kind": "choice", "label": "Style", "options": options},
            {"node": "1", "input": "on", "kind": "switch", "label": "Smooth"},
            {"node": "1", "input": "seed", "kind": "seed", "label": "Seed", "mode": "increment"},
        ],
        "workflow": graph,
    }


# Return the elements that overflow another one.
OUTSIDE = """(box) => {
  const place = box.getBoundingClientRect();
  const sticks = (at) => at.left < place.left - 1 || at.right > place.right + 1;
  const parts = [...box.querySelectorAll("*")];
  return parts.filter((one) => sticks(one.getBoundingClientRect())).map((one) => one.outerHTML);
}"""


async def open_form(user: BrowserUser, path: str = "/") -> MooringWindow:
    """Open a window with that workflow."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow()))

    profile = await user.new_profile()
    await profile.route("**/static/workflows/enlarge.json", answer)
    window = await user.open(path)
    await expect(window.page.locator("#fields-enlarge")).to_be_visible()
    return window


async def stored_value(page: Page, name: str) -> str | None:
    """Return what the page remembers of an input of the first node."""
    values = await page.evaluate(KEPT)
    return next((text for node, input_name, text in values if (node, input_name) == ("1", name)), None)


async def test_long_file_name_stays_in_its_field(user: BrowserUser, photo: Path, tmp_path: Path) -> None:
    window = await user.open()
    await window.put_picture(shutil.copy(photo, tmp_path / f"{'a photo of the harbour ' * 9}.png"))
    drop = window.page.locator(".drop.has-picture")
    await expect(drop.locator("img")).to_be_visible()
    assert await drop.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("language", ["en", "zh-CN", "pseudo"])
async def test_switch_and_its_state_are_side_by_side(user: BrowserUser, language: str) -> None:
    page = (await open_form(user, f"/?lang={language}")).page
    switch = page.locator("#field-1-on")
    word = switch.locator("xpath=../span")
    boxes = [await part.bounding_box() for part in (word, switch)]
    assert boxes[0] and boxes[1]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[1]["width"] == pytest.approx(42)
    assert await word.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert await page.locator(".field.is-switch").evaluate(OUTSIDE) == []


async def test_three_thousand_choices_are_found_by_keyboard(user: BrowserUser) -> None:
    page = (await open_form(user)).page
    field, choices = page.locator(LORA), page.locator("#combo-list")
    await field.focus()
    await page.keyboard.press("ArrowDown")
    await expect(choices).to_be_visible()
    await expect(choices.locator("[aria-selected=true]")).to_have_text(LORAS[0])
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.type("2345 style")
    await expect(choices.locator("[role=option]")).to_have_count(1)
    await expect(field).to_have_attribute("aria-activedescendant", "combo-0")
    await page.keyboard.press("Enter")
    await expect(choices).to_be_hidden()
    await expect(field).to_have_value(LORAS[2345])
    await wait_for_js(page, f"({KEPT}).some((item) => item[2] === {json.dumps(LORAS[2345])})")
    assert await page.evaluate("document.activeElement.id") == LORA[1:]
    await page.keyboard.press("ArrowDown")
    await expect(choices.locator("[aria-selected=true]")).to_have_text(LORAS[2345])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    await expect(choices).to_be_hidden()
    await expect(field).to_have_value(LORAS[2345])


async def test_choice_can_be_clicked_and_an_unknown_one_is_reported(user: BrowserUser) -> None:
    page = (await open_form(user)).page
    field, choices = page.locator(LORA), page.locator("#combo-list")
    await field.click()
    await choices.get_by_text(LORAS[3], exact=True).click()
    await expect(field).to_have_value(LORAS[3])
    await field.fill("no such style")
    await expect(choices).to_be_hidden()
    await page.keyboard.press("Tab")
    await expect(page.locator(f"{LORA}-fault")).to_contain_text("none of the choices")
    await expect(field).to_have_value("no such style")
    await expect(page.get_by_test_id("run")).to_be_disabled()
    await field.fill(LORAS[9])
    await page.keyboard.press("Tab")
    await expect(page.locator(f"{LORA}-fault")).to_have_count(0)
    await expect(page.get_by_test_id("run")).to_be_enabled()


async def test_run_uses_the_values_of_all_fields(user: BrowserUser) -> None:
    window = await open_form(user)
    page = window.page
    await page.locator("#field-1-on").uncheck()
    await page.locator(LORA).fill(LORAS[7])
    await page.keyboard.press("Tab")
    await page.locator("#field-1-seed").fill("18446744073709551615")
    await page.locator("#field-1-seed-mode").select_option("increment")
    await page.get_by_test_id("run").click()
    card = page.locator("[data-testid=task-card]").first
    await card.wait_for()
    prompt_id = await card.get_attribute("data-prompt-id")
    await window.card(str(prompt_id), "succeeded").wait_for()
    sent = await page.evaluate("(id) => mooring.getTaskHistory(id).then(JSON.stringify)", prompt_id)
    assert '"lora": "style/0007.safetensors"' in sent.replace('":"', '": "')
    assert await stored_value(page, "on") == "false"
    await expect(page.locator("#field-1-seed")).to_have_value("0")  # it wraps around


async def test_nodes_are_expanded_by_keyboard_and_found_by_search(user: BrowserUser) -> None:
    page = (await open_form(user)).page
    nodes = page.locator("[data-testid=node]")
    await expect(nodes).to_have_count(40)
    await page.get_by_role("button", name="Show 22 more nodes").click()
    await expect(nodes).to_have_count(62)
    head = page.locator("[data-testid=node][data-node='12'] button")
    await head.focus()
    await page.keyboard.press("Enter")
    await expect(head).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#field-12-filename_prefix")).to_have_value("extra-12")
    await expect(head).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#field-12-filename_prefix")).to_have_count(0)
    await page.get_by_test_id("form-search").fill("copy 42")
    await expect(page.locator("#field-42-filename_prefix")).to_be_visible()
    await expect(page.locator("#fields-enlarge > *")).to_have_count(0)
    await page.get_by_test_id("form-search").fill("")
    await expect(page.locator(LORA)).to_be_visible()


async def test_form_has_all_inputs_of_the_servers_catalogue(user: BrowserUser) -> None:
    page = (await user.open("/")).page
    await page.locator("[data-testid=node][data-node='4'] button").click()
    prefix = page.locator("#field-4-filename_prefix")
    await expect(prefix).to_be_editable()
    await prefix.fill("harbour")
    await page.locator("[data-testid=node][data-node='2'] button").click()
    await expect(page.locator("#field-2-crop option")).to_have_text(["disabled", "center"])
    await expect(prefix).to_have_value("harbour")


async def test_form_is_arranged_by_keyboard_and_stays_arranged(user: BrowserUser) -> None:
    window = await open_form(user)
    page = window.page
    await page.get_by_test_id("arrange").click()
    up = page.locator("#pin-up-1-seed")
    await up.focus()
    for place in (2, 1):
        await page.keyboard.press("Enter")
        await expect(page.locator("#fields-enlarge > .field").nth(place).locator("#field-1-seed")).to_be_visible()
        await expect(up).to_be_focused()
    await page.locator("#name-1-text").fill("Scene")
    await page.keyboard.press("Tab")
    await expect(page.locator("label[for='field-1-text']")).to_have_text("Scene")
    await page.get_by_role("button", name="Hide “Smooth”").click()
    await expect(page.get_by_role("heading", name="Hidden inputs")).to_be_visible()
    await check_axe(page)
    await window.reload()
    await expect(page.locator("label[for='field-1-text']")).to_have_text("Scene")
    await expect(page.locator("#field-1-on")).to_have_count(0)
    await expect(page.locator("#fields-enlarge > .field").nth(1).locator("#field-1-seed")).to_be_visible()
    other = await user.open("/")
    await expect(other.page.locator("label[for='field-1-text']")).to_have_text("Scene")
    await other.page.get_by_test_id("arrange").click()
    await other.page.get_by_role("button", name="As it was").click()
    await expect(other.page.locator("label[for='field-1-text']")).to_have_text("Text")


async def test_typing_is_undone_and_redone(user: BrowserUser) -> None:
    page = (await open_form(user)).page
    undo, redo = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Redo")
    await expect(undo).to_be_disabled()
    await page.locator("#field-1-text").fill("a storm")
    await page.locator("#field-1-on").uncheck()
    await undo.click()
    await expect(page.locator("#field-1-on")).to_be_checked()
    await undo.click()
    await expect(page.locator("#field-1-text")).to_have_value("calm")
    await expect(undo).to_be_disabled()
    await redo.click()
    await expect(page.locator("#field-1-text")).to_have_value("a storm")
    assert await stored_value(page, "text") == "a storm"


async def test_whole_form_is_accessible(user: BrowserUser) -> None:
    page = (await open_form(user, "/?lang=zh-CN")).page
    await page.locator("[data-testid=node] button").first.click()
    await page.locator("#field-1-steps").wait_for()
    await check_axe(page)
    await page.locator(LORA).click()
    await expect(page.locator("#combo-list")).to_be_visible()
    await check_axe(page)
