"""Words for prompts in a real browser: added by a file, offered while typing, drawn for a run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Page, Route, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import MooringWindow, press_in_menu

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

CATS = FilePayload(name="cats.txt", mimeType="text/plain", buffer=b"# of the harbour\ntabby\ntabby\n")
TAGS = 'lake,0,90,\nlong_hair,0,4000,"/lh,longhair"\nlong_road,0,60,\nmeadow_(green),4,30,\no_o,0,10,\n'
LARGE = "".join(f'tide_{number},0,{100_000 - number},"sea_{number}"\n' for number in range(100_000))
PACK = FilePayload(name="scenery.csv", mimeType="text/csv", buffer=(TAGS + LARGE).encode())
NAMES = FilePayload(name="names.csv", mimeType="text/csv", buffer="lake,湖\n".encode())

# What an input method does to keys: the browser says that they belong to its composition.
COMPOSED_KEYS = """(field) => {
  for (const key of ["ArrowDown", "Enter", "Tab"]) {
    field.dispatchEvent(new KeyboardEvent("keydown", { key, isComposing: true, bubbles: true, cancelable: true }));
  }
  const weight = { key: "ArrowUp", ctrlKey: true, isComposing: true, bubbles: true };
  field.dispatchEvent(new KeyboardEvent("keydown", weight));
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def prompt(window: MooringWindow) -> AsyncIterator[Locator]:
    """The empty prompt of the sample that draws a text; the window has words."""
    page = window.page
    await page.route("**/models/embeddings", answer_embeddings)
    if not await page.locator("#word-names").inner_text() or "cats" not in await names_of(page):
        await page.locator("#open-file-input").set_input_files([CATS, PACK, NAMES])
        await expect(page.get_by_test_id("word-list")).to_have_count(3)
        await expect(page.locator("#word-lists")).to_be_focused()
        await check_axe(page)
        await page.keyboard.press("Escape")
    await window.choose_sample("text")
    field = page.locator("#field-1-text")
    await field.fill("")
    await field.focus()
    yield field


async def answer_embeddings(route: Route) -> None:
    await route.fulfill(json=["calm.safetensors", "styles/ink.pt"])


async def names_of(page: Page) -> str:
    return await page.locator("#word-names").evaluate("(holder) => holder.textContent")


def offered(page: Page) -> Locator:
    return page.locator("#offered-words [role=option]:visible")


async def test_tags_are_chosen_by_keyboard_alone(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    await page.keyboard.type("lon")
    await expect(offered(page)).to_have_count(2)
    await expect(offered(page).first).to_contain_text("long hair")
    await expect(offered(page).first).to_contain_text("4K")
    await expect(prompt).to_have_attribute("aria-controls", "offered-words")
    await expect(page.get_by_text("2 words: press the down arrow key to choose")).to_be_attached()
    await check_axe(page)
    await page.keyboard.press("Enter")  # nothing is chosen yet
    await expect(prompt).to_have_value("lon\n")
    await page.keyboard.type("lon")
    await expect(offered(page)).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await expect(prompt).to_have_attribute("aria-activedescendant", "offered-0")
    await page.keyboard.press("Enter")
    await expect(prompt).to_have_value("lon\nlong hair, ")
    await expect(prompt).not_to_have_attribute("aria-controls", "offered-words")
    await page.keyboard.press("ControlOrMeta+z")
    await expect(prompt).to_have_value("lon\nlon")
    await page.keyboard.press("End")
    await page.keyboard.type("g")
    await expect(offered(page)).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(offered(page)).to_have_count(0)
    await page.keyboard.press("ArrowUp")  # moves the caret again
    await page.keyboard.type("x, ")
    await expect(prompt).to_have_value("lonx, \nlong")


async def test_a_choice_marked_before_the_answer_stays_marked(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    await page.keyboard.type("lo")
    await expect(offered(page).first).to_contain_text("long hair")
    await page.evaluate("() => { globalThis.offeredBefore = document.getElementById('offered-0'); }")
    await prompt.evaluate(
        """(field) => {
          field.value = "lon";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));  // asks the worker again
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }));
        }"""
    )
    await page.wait_for_function("() => !globalThis.offeredBefore.isConnected")
    await expect(prompt).to_have_attribute("aria-activedescendant", "offered-0")
    await page.keyboard.press("Enter")
    await expect(prompt).to_have_value("long hair, ")


@pytest.mark.parametrize(
    ("typed", "found", "inserted"),
    [
        ("meadow", "meadow (green)", r"meadow \(green\), "),
        ("/lh", "long hair", "long hair, "),
        ("ad_gr", None, None),
        ("dow_(g", "meadow (green)", r"meadow \(green\), "),
        (r"meadow \(g", "meadow (green)", r"meadow \(green\), "),
        ("o_", "o_o", "o_o, "),
        ("湖", "lake", "lake, "),
        ("tide_99998", "tide 99998", "tide 99998, "),
        ("(lak", "lake", "(lake"),
        ("a photo of __ca", "cats", "a photo of __cats__"),
        ("embedding:in", "styles/ink", "embedding:styles/ink, "),
        ("<lora:", None, None),  # the node reads none
    ],
)
async def test_word_is_found_and_inserted(
    window: MooringWindow, prompt: Locator, typed: str, found: str | None, inserted: str | None
) -> None:
    page = window.page
    if typed.startswith("embedding"):
        await expect(page.locator("#word-names")).to_contain_text("styles/ink")
    await page.keyboard.insert_text(typed)
    if found is None:
        await page.keyboard.press("Control+ ")
        await expect(prompt).to_have_value(typed)
        await expect(offered(page)).to_have_count(0)
        return
    await expect(offered(page).first).to_contain_text(found)
    if inserted is not None:
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        await expect(prompt).to_have_value(inserted)


async def test_composition_keeps_its_keys(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    session = await page.context.new_cdp_session(page)
    await page.keyboard.type("lake, ")
    await session.send("Input.imeSetComposition", {"text": "lon", "selectionStart": 3, "selectionEnd": 3})
    await expect(prompt).to_have_value("lake, lon")
    await expect(offered(page)).to_have_count(0)
    await prompt.evaluate(COMPOSED_KEYS)
    await expect(prompt).to_have_value("lake, lon")
    await session.send("Input.insertText", {"text": "湖"})
    await expect(prompt).to_have_value("lake, 湖")
    await expect(offered(page).first).to_contain_text("lake")
    await prompt.evaluate(COMPOSED_KEYS)
    await expect(prompt).not_to_have_attribute("aria-activedescendant", "offered-0")
    await session.detach()


async def test_weights_change_by_keys_and_are_undone(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    await page.keyboard.insert_text("a calm lake at dawn")
    for _ in range(4):
        await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Control+ArrowUp")
    await expect(prompt).to_have_value("a calm lake at (dawn:1.05)")
    await page.keyboard.press("Control+ArrowUp")
    await expect(prompt).to_have_value("a calm lake at (dawn:1.1)")
    await page.keyboard.press("Control+ArrowDown")
    await page.keyboard.press("Control+ArrowDown")
    await expect(prompt).to_have_value("a calm lake at dawn")
    await page.keyboard.press("Control+ArrowDown")
    await expect(prompt).to_have_value("a calm lake at (dawn:0.95)")
    await page.keyboard.press("ControlOrMeta+z")
    await expect(prompt).to_have_value("a calm lake at dawn")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.press("Control+ArrowUp")
    await expect(prompt).to_have_value("(a calm lake at dawn:1.05)")


async def test_unknown_wildcard_is_an_error_before_the_run(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    await expect(page.get_by_test_id("draws")).to_be_visible()
    await page.keyboard.insert_text("a __moon__")
    await expect(page.locator("#field-1-text-fault")).to_contain_text("There is no wildcard __moon__.")
    await expect(page.get_by_test_id("run")).to_be_disabled()
    await page.keyboard.press("Home")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(r"a \__moon__")
    await expect(page.get_by_test_id("run")).to_be_enabled()


async def test_run_keeps_its_template(window: MooringWindow, prompt: Locator) -> None:
    page, template = window.page, "a {__cats__|__cats__} by the {2$$ and $$lake|lake}"
    await page.keyboard.insert_text(template)
    before = set(await window.call("windowTasks.map((task) => task.promptId)"))
    await page.get_by_test_id("run").click()
    await expect(page.locator("[data-testid=task-card][data-state=succeeded]").first).to_be_visible()
    (prompt_id,) = set(await window.call("windowTasks.map((task) => task.promptId)")) - before
    assert (await window.wait_for(prompt_id))["state"] == "succeeded"
    await prompt.fill("something else")
    await window.card(prompt_id).locator(".result-open").click()
    large = page.get_by_test_id("picture-dialog")
    await expect(large.get_by_test_id("drawn-from")).to_have_text(template)
    await expect(large.locator(".large-prompts").first).to_have_text("a tabby by the lake and lake")
    await check_axe(page)
    await large.get_by_test_id("use-settings").click()
    await expect(prompt).to_have_value(template)


async def test_deleted_list_is_gone_from_prompts(window: MooringWindow, prompt: Locator) -> None:
    page = window.page
    await page.keyboard.insert_text("a __cats__")
    await expect(page.locator("#field-1-text-fault")).to_have_count(0)
    await press_in_menu(page.get_by_test_id("open-library"))
    await page.locator("[data-testid=word-list][data-name=cats] button").click()
    await window.hold_deletions()
    await expect(page.get_by_test_id("word-list")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(page.locator("#field-1-text-fault")).to_contain_text("There is no wildcard __cats__.")
    await prompt.focus()
    await page.locator("body").click(position={"x": 2, "y": 2})
    await page.get_by_test_id("undo-deletion").click()
    await expect(page.locator("#field-1-text-fault")).to_have_count(0)
