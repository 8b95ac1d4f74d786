"""The queue and menus in a real browser: they keep still under the pointer. A failed run is a row until dismissed."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.test_graph import failing
from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# A finger goes down on one row, and its click arrives at the button of another one.
TAP = """([down, up]) => {
  const facts = { bubbles: true, cancelable: true, pointerType: "touch" };
  document.querySelector(down).dispatchEvent(new PointerEvent("pointerdown", facts));
  const click = new PointerEvent("click", facts);
  document.querySelector(up).dispatchEvent(click);
  document.querySelector(down).dispatchEvent(new PointerEvent("pointerup", facts));
  return click.defaultPrevented;
}"""

# A patch puts one more entry at the head of this menu.
ENTRY = """async (id) => {
  const { update } = await import("/static/js/patch.js");
  const region = document.getElementById(id).closest("#results").cloneNode(true);
  for (const node of region.querySelectorAll("[style]")) node.removeAttribute("style"); // scripts put them there
  region.querySelector(`[id="${id}"]`).insertAdjacentHTML("afterbegin", "<button type='button'>Sooner</button>");
  update(JSON.stringify({ regions: { results: region.innerHTML } }));
}"""

ACT = """([name, facts]) =>
  document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name, facts } }))"""

# Where the row of a run is. Read in one turn: a locator may hold a row that the page is just replacing.
BOX = "(id) => document.querySelector(`#now .row[data-prompt-id='${id}']`).getBoundingClientRect().toJSON()"


async def test_rows_keep_still_under_the_pointer(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    async with paused(*demo_servers(gateway)):
        first = await window.submit(slow_workflow(), "Tide")
        await window.card(first, "running").get_by_test_id("preview").wait_for()
        second = await window.submit(slow_workflow(), "Dunes")
        row = window.card(second, "queued")
        await row.hover()
        box = await page.evaluate(BOX, second)
        assert await page.evaluate(TAP, [f"#task-{first} h3", f"#task-{second} [data-testid=cancel]"])
        assert (await window.task(second))["state"] == "queued", "the tap was meant for the other row"
    staying = page.locator(f"#row-{first}")
    await expect(staying).to_contain_text("Finished")
    await window.wait_state(second, "running", "succeeded")
    assert await page.evaluate(BOX, second) == box
    assert await page.locator("#now .row").first.get_attribute("data-prompt-id") == first
    await page.mouse.move(0, 0)
    await expect(staying).to_have_count(0)
    await window.wait_for(second)


async def test_queue_that_comes_under_a_resting_pointer_does_not_stay(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    async with paused(*demo_servers(gateway), at_step=2):
        prompt_id = await window.submit(slow_workflow(), "Tide")
        row = window.card(prompt_id, "running")
        await row.get_by_test_id("preview").wait_for()
        await row.dispatch_event("pointerover", {"pointerType": "mouse"})  # as of a pointer that did not move
    await window.wait_for(prompt_id)
    await expect(page.locator("#now .row")).to_have_count(0)


async def test_failure_is_a_row_that_opens_and_leaves(window: MooringWindow) -> None:
    page = window.page
    prompt_id = await window.submit(failing(), "Storm")
    row = page.locator(f"#now #task-{prompt_id}")
    why = row.locator(".row-why")
    await expect(why).to_contain_text("Stopped by an error in “Glaze”")
    await expect(row.get_by_test_id("copy")).to_be_hidden()
    await why.click()
    await expect(row.get_by_test_id("copy")).to_be_visible()
    await check_axe(page)
    await row.get_by_test_id("dismiss-failure").click()
    await expect(page.locator(f"#results #task-{prompt_id}")).to_have_attribute("data-state", "failed")
    await expect(row).to_have_count(0)


async def _open_menu(window: MooringWindow) -> tuple[str, Locator]:
    """Make a result, open its menu, and return the task and the result's tile."""
    prompt_id = await window.submit(quick_workflow(), "Dunes")
    await window.wait_for(prompt_id)
    tile = window.card(prompt_id, "succeeded").locator(".tile")
    await tile.hover()
    await tile.locator(".menu-open").click()
    return prompt_id, tile


async def test_open_menu_stays_at_its_button_when_the_page_is_patched(window: MooringWindow) -> None:
    page = window.page
    prompt_id, tile = await _open_menu(window)
    menu = tile.locator(".menu")
    box = await menu.bounding_box()
    await page.evaluate(ACT, ["album-favourite", {"name": f"{prompt_id}/0"}])
    await expect(tile.locator(".tile-star")).to_have_attribute("aria-pressed", "true")
    assert await menu.bounding_box() == box
    await page.keyboard.press("Escape")


async def test_open_menu_keeps_its_entries_until_it_is_closed(window: MooringWindow) -> None:
    page = window.page
    _prompt_id, tile = await _open_menu(window)
    entries = tile.locator(".menu > *")
    before = await entries.all_inner_texts()
    await page.evaluate(ENTRY, await tile.locator(".menu").get_attribute("id"))
    assert await entries.all_inner_texts() == before, "else a click falls on another entry"
    await page.keyboard.press("Escape")
    await expect(entries).to_have_text(["Sooner", *before])
