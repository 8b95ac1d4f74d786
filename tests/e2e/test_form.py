"""The form in a real browser: thousands of choices by keyboard, nodes folded and found, and accessibility.

The page receives another workflow in place of the first sample, as if the installation had published it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import VIEWPORT, BrowserUser, MooringWindow, press_in_menu

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


# Focus the inputs and buttons above the Run bar from the first to the last and back; return those that it then covers.
BELOW_RUN = """() => {
  const controls = ["#form", "#standing", "#nodes"].flatMap((part) =>
    [...document.querySelectorAll(`${part} :is(button, input, select, textarea, summary)`)]);
  const shown = controls.filter((one) => one.checkVisibility() && !one.disabled && !one.closest("[popover]"));
  const run = document.getElementById("run");
  return shown.concat([...shown].reverse()).filter((one) => {
    one.focus();
    return one.getBoundingClientRect().bottom > run.getBoundingClientRect().top + 1;
  }).map((one) => one.outerHTML.slice(0, 200));
}"""


async def open_form(user: BrowserUser, path: str = "/") -> MooringWindow:
    """Open a window with that workflow in a profile of its own."""
    profile = await user.new_profile()
    await answer_with_it(profile)
    window = await MooringWindow.open(profile, f"{user.base}{path}")
    await window.ready()
    await window.choose_sample("enlarge")
    return window


async def answer_with_it(profile: BrowserContext) -> None:
    """Have the windows of a profile receive that workflow."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow()))

    await profile.route("**/static/workflows/enlarge.json", answer)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_form(module_user: BrowserUser) -> MooringWindow:
    """A window with that workflow for the whole module."""
    return await open_form(module_user)


@pytest_asyncio.fixture(loop_scope="session")
async def form(module_form: MooringWindow, module_user: BrowserUser) -> AsyncIterator[MooringWindow]:
    """That window with the form's initial values; any error in it fails the test."""
    module_user.watch.restart()
    page = module_form.page
    await page.keyboard.press("Escape")
    await page.get_by_test_id("form-search").fill("")
    undo = page.get_by_role("button", name="Undo")
    await expect(page.locator("#field-1-text")).to_be_visible()
    while await undo.is_enabled():
        # A click of Playwright would wait for a button that the step before has just disabled.
        await page.evaluate("document.querySelector('[data-action=undo]:enabled')?.click()")
    yield module_form
    module_user.watch.check()


async def stored_value(page: Page, name: str) -> str | None:
    """Return what the page remembers of an input of the first node."""
    values = await page.evaluate(KEPT)
    return next((text for node, input_name, text in values if (node, input_name) == ("1", name)), None)


async def test_long_file_name_stays_in_its_field(window: MooringWindow, photo: Path, tmp_path: Path) -> None:
    await window.choose_sample("enlarge")
    await window.put_picture(shutil.copy(photo, tmp_path / f"{'a photo of the harbour ' * 9}.png"))
    drop = window.page.locator(".drop.has-picture")
    await expect(drop.locator("img")).to_be_visible()
    assert await drop.evaluate(OUTSIDE) == []


async def expect_switch_beside_its_state(page: Page) -> None:
    """Check that the switch and the word beside it have room side by side."""
    switch = page.locator("#field-1-on")
    word = switch.locator("xpath=../span")
    boxes = [await part.bounding_box() for part in (word, switch)]
    assert boxes[0] and boxes[1]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[1]["width"] == pytest.approx(42)
    assert await word.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert await page.locator(".field.is-switch").evaluate(OUTSIDE) == []


async def test_focused_input_is_above_the_run_bar(form: MooringWindow) -> None:
    for width in (1440, 1000):
        await form.page.set_viewport_size({"width": width, "height": 640})
        assert await form.page.evaluate(BELOW_RUN) == []
    await form.page.set_viewport_size(VIEWPORT)


async def test_switch_and_its_state_are_side_by_side(form: MooringWindow) -> None:
    await expect_switch_beside_its_state(form.page)


async def test_longer_words_leave_room_for_a_switch(user: BrowserUser) -> None:
    await expect_switch_beside_its_state((await open_form(user, "/?lang=pseudo")).page)


async def test_three_thousand_choices_are_found_by_keyboard(form: MooringWindow) -> None:
    page = form.page
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
    chosen = choices.locator("[aria-selected=true]")
    await expect(chosen).to_have_text(LORAS[2345])
    await expect(chosen).to_have_attribute("aria-posinset", "2346")
    await expect(chosen).to_have_attribute("aria-setsize", str(len(LORAS)))
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    await expect(choices).to_be_hidden()
    await expect(field).to_have_value(LORAS[2345])


async def test_choice_can_be_clicked_and_an_unknown_one_is_reported(form: MooringWindow) -> None:
    page = form.page
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


async def test_run_uses_the_values_of_all_fields(form: MooringWindow) -> None:
    page = form.page
    await page.locator("#field-1-on").uncheck()
    await page.locator(LORA).fill(LORAS[7])
    await page.keyboard.press("Tab")
    await page.locator("#field-1-seed").fill("18446744073709551615")
    await page.locator("#field-1-seed-mode").select_option("increment")
    prompt_id = await form.press_run()
    await form.card(prompt_id, "succeeded").wait_for()
    sent = await page.evaluate("(id) => mooring.getTaskHistory(id).then(JSON.stringify)", prompt_id)
    assert '"lora": "style/0007.safetensors"' in sent.replace('":"', '": "')
    assert await stored_value(page, "on") == "false"
    await expect(page.locator("#field-1-seed")).to_have_value("0")  # it wraps around


async def test_nodes_are_expanded_by_keyboard_and_found_by_search(form: MooringWindow) -> None:
    page = form.page
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


async def test_form_has_all_inputs_of_the_servers_catalogue(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("enlarge")
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
    await press_in_menu(page.get_by_test_id("arrange"))
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
    second = await MooringWindow.open(page.context, user.base)
    await second.choose_sample("enlarge")
    other = second.page
    await expect(other.locator("label[for='field-1-text']")).to_have_text("Scene")
    await expect(other.locator("#field-1-on")).to_have_count(0)
    await expect(other.locator("#fields-enlarge > .field").nth(1).locator("#field-1-seed")).to_be_visible()
    await press_in_menu(other.get_by_test_id("arrange"))
    await other.get_by_role("button", name="As it was").click()
    await expect(other.locator("label[for='field-1-text']")).to_have_text("Text")


async def test_typing_is_undone_and_redone(form: MooringWindow) -> None:
    page = form.page
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
    await expect_switch_beside_its_state(page)
    await page.locator("[data-testid=node] button").first.click()
    await page.locator("#field-1-steps").wait_for()
    await check_axe(page)
    await page.locator(LORA).click()
    await expect(page.locator("#combo-list")).to_be_visible()
    await check_axe(page)
