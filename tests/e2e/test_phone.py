"""On a phone one part of the page is visible at a time, and the page follows the work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, quick_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PROFILE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
# The share of the window that is covered at its foot, and controls that are too small for a finger.
FOOT = """() => {
  const small = [...document.querySelectorAll("#run :is(.button, select, input), #tabs button")]
    .filter((item) => item.checkVisibility() && (item.offsetWidth < 44 || item.offsetHeight < 44))
    .map((item) => item.outerHTML);
  return [innerHeight - document.getElementById("run").getBoundingClientRect().top, small];
}"""
PLACES = """() => [...document.querySelectorAll("#run :is(.button, select, input)")].map((item) => {
  const { x, y, width, height } = item.getBoundingClientRect();
  return [item.dataset.testid ?? item.id, x, y, width, height].join(" ");
})"""
# Return the results whose actions lie over another place.
APART = """() => [...document.querySelectorAll(".tile-over[data-over]")].filter((over) => {
  const cell = document.getElementById(`cell-${over.dataset.over}`);
  return cell?.style.transform !== over.style.transform;
}).map((over) => over.dataset.over)"""
# Return the controls of a dialog at whose middle another element lies.
COVERED = """() => [...document.querySelectorAll("dialog[open] :is(button:enabled, a)")].filter((item) => {
  if (!item.checkVisibility()) return false;
  item.scrollIntoView({ block: "center", behavior: "instant" });
  const box = item.getBoundingClientRect();
  return !item.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}).map((item) => item.ariaLabel ?? item.innerText)"""
# Return what is cut or hidden of the words on the results of these tasks, with the longest date.
CUT = """(ids) => ids.flatMap((id) => [
  ...document.querySelectorAll(`[data-prompt-id="${id}"] .tile :is(.tile-name, .tile-server > span, .tile-when)`),
]).filter((item) => {
  if (item.matches(".tile-when")) item.textContent = "Nov 24, 2025, 10:45 PM";
  const isWhole = item.scrollWidth <= item.clientWidth && item.scrollHeight <= item.clientHeight;
  return !item.checkVisibility() || (!isWhole && item.clientWidth > 0);
}).map((item) => item.textContent)"""
# Return whether the open menu shows all its entries, and is clear of the header and of the bars at the foot.
MENU = """() => {
  const menu = document.querySelector(".menu:popover-open");
  const [box, header, tabs] = [menu, ...["header", "tabs"].map((id) => document.getElementById(id))]
    .map((item) => item.getBoundingClientRect());
  return [menu.scrollHeight <= menu.clientHeight, box.top >= header.bottom, box.bottom <= tabs.top];
}"""
# Return the album's filters that are not whole on the page.
OUTSIDE = """() => [...document.querySelectorAll(".album-narrowing > *")].filter((item) => {
  const { left, right } = item.getBoundingClientRect();
  return left < 0 || right > innerWidth || item.scrollWidth > item.clientWidth;
}).map((item) => item.innerText)"""
# Keep when the dialog was closed.
NOTE_CLOSING = """() => {
  globalThis.closedAt = NaN;
  const note = (_, observer) => {
    if (document.querySelector("dialog[open]")) return;
    globalThis.closedAt = performance.now();
    observer.disconnect();
  };
  new MutationObserver(note).observe(document.getElementById("dialogs"), { childList: true });
}"""
# Return the ids of new tasks, once there are as many.
NEW_TASKS = """([before, count]) => {
  const ids = windowTasks.map((task) => task.promptId).filter((id) => !before.includes(id));
  return ids.length === count && ids;
}"""
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"


async def tap_run(window: MooringWindow, count: int = 1) -> list[str]:
    """Tap Run, and return the prompt_ids of the new tasks."""
    before = await window.page.evaluate("windowTasks.map((task) => task.promptId)")
    await window.page.get_by_test_id("run").tap()
    found = await wait_for_js(window.page, NEW_TASKS, arg=[before, count])
    return list(await found.json_value())


async def make_results(window: MooringWindow, count: int, title: str = "Dunes") -> list[str]:
    """Make results of 64 × 48 pixels, show them, and return their prompt_ids."""
    ids = [await window.submit(quick_workflow(colour), title) for colour in range(count)]
    for prompt_id in ids:
        await window.wait_for(prompt_id)
    await window.show("results")
    return ids


async def find_results(window: MooringWindow, title: str, count: int) -> None:
    """Open the album with the results of this title only, which are so many."""
    await window.page.locator("#results-album").tap()
    await window.page.get_by_test_id("album-search").fill(title)
    await expect(window.page.locator("#album-found")).to_have_text(re.compile(rf"^{count} of \d+$"))


async def test_page_follows_the_work_from_form_to_result(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    form, now, results = (page.get_by_test_id(f"tab-{part}") for part in ("form", "now", "results"))
    await expect(page.locator("#now, #results")).to_have_count(2)
    await expect(page.locator("#now")).to_be_hidden()
    await window.choose_small_text()
    covered, too_small = await page.evaluate(FOOT)
    assert covered <= 160, "the form has the rest of the 740"
    assert too_small == []
    server = page.locator("#where option").last
    await server.evaluate("(option) => { option.disabled = true; }")  # it is down
    await expect(page.locator("#where")).to_be_visible()
    await server.evaluate("(option) => { option.disabled = false; }")
    await page.evaluate("scrollTo(0, 120)")
    async with paused(*demo_servers(gateway)):
        (prompt_id,) = await tap_run(window)
        await expect(now).to_have_attribute("aria-current", "true")
        await expect(page.locator("#form")).to_be_hidden()
        await expect(now.locator(".tab-badge")).to_have_text("1")
    await expect(results).to_have_attribute("aria-current", "true")
    await page.locator("#results").locator(window.card(prompt_id, "succeeded")).locator(".tile").wait_for()
    await form.tap()
    await wait_for_js(page, "scrollY === 120")
    assert await page.evaluate(WIDTH) == 360

    async with paused(*demo_servers(gateway)):
        await page.get_by_test_id("run").tap()
        await expect(now).to_have_attribute("aria-current", "true")
        await form.tap()
    await expect(results).to_have_class("tab has-news")
    await expect(form).to_have_attribute("aria-current", "true")
    await results.tap()
    await expect(results).not_to_have_class("tab has-news")

    await now.tap()
    await page.get_by_role("button", name="To the form").tap()
    await expect(form).to_have_attribute("aria-current", "true")
    await expect(page.get_by_test_id("run")).to_be_visible()
    await now.tap()
    await page.keyboard.press("Control+K")
    await page.keyboard.type("results jump")
    await page.keyboard.press("Enter")
    await expect(results).to_have_attribute("aria-current", "true")
    assert await page.evaluate("document.activeElement.id") == "results"
    await page.set_viewport_size({"width": 900, "height": 740})
    await expect(page.locator("#form")).to_be_visible()
    await expect(page.locator("#now")).to_be_visible()
    await expect(form).to_be_hidden()


async def test_page_follows_to_a_result_that_a_search_hides(window: MooringWindow) -> None:
    page, results = window.page, window.page.get_by_test_id("tab-results")
    ids = await make_results(window, 2, "Marsh")
    await find_results(window, "marsh", 2)
    await window.choose_small_text()
    ids += await tap_run(window)
    await expect(results).to_have_attribute("aria-current", "true")
    words = "1 new result is not shown: it does not match the search."
    await expect(page.get_by_test_id("album-unshown")).to_have_text(words)
    await expect(page.locator("#live p", has_text=words)).to_have_count(1)
    show = page.get_by_test_id("album-wide")
    await expect(show).to_have_text("Show it")
    await show.tap()
    for prompt_id in ids:
        await expect(page.locator(f'[id="cell-{prompt_id}/0"]')).to_be_visible()
    await expect(page.get_by_test_id("album-unshown")).to_have_count(0)


async def test_count_is_typed_over_and_buttons_keep_their_places(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    await window.choose_sample("text")
    before = await page.evaluate(PLACES)
    async with paused(*demo_servers(gateway)):
        count, run = page.get_by_test_id("run-count"), page.locator("#run-button > span")
        await count.tap()
        await page.keyboard.type("6")
        await expect(count).to_have_value("6")
        await expect(run).to_have_text("Run 6 on 3 servers")
        await page.keyboard.press("Backspace")
        await expect(run).to_have_text("Run")
        await page.keyboard.type("2")
        await run.tap()
        await page.get_by_test_id("tab-form").tap()
        await expect(count).to_have_value("1")
        await expect(page.get_by_test_id("stop")).to_be_enabled()
        await expect(page.locator("#run-words")).to_contain_text("Next run:")
        assert await page.evaluate(PLACES) == before
        await page.get_by_test_id("stop").tap()
        await page.get_by_test_id("cancel-mine").last.tap()
    await expect(page.get_by_test_id("stop")).to_be_disabled()
    await expect(page.get_by_test_id("where")).to_be_enabled()
    assert await page.evaluate(PLACES) == before


async def test_texts_on_a_phone_name_no_mouse_or_keys(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    await page.get_by_test_id("open-files").tap()
    chosen = page.get_by_test_id("files-chosen")
    assert (await chosen.inner_text()).startswith("Choose photos or other files.")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("open-palette").tap()
    await page.locator(".palette-option").first.wait_for()
    await expect(page.locator("kbd:visible")).to_have_count(0)


async def test_labels_of_two_results_in_a_row_are_whole(window: MooringWindow) -> None:
    page, seed = window.page, re.compile(r"^Seed \d+$")
    await window.choose_small_text()
    await page.get_by_test_id("run-count").fill("2")
    ids = await tap_run(window, 2)
    tiles = [page.locator("#results").locator(window.card(prompt_id)).locator(".tile") for prompt_id in ids]
    for tile in tiles:
        await expect(tile.locator(".tile-server > span")).to_have_text(seed)
    await window.show("results")
    assert await page.evaluate(CUT, ids) == []
    boxes = [await tile.bounding_box() for tile in tiles]
    assert len({box["y"] for box in boxes if box}) == 1
    await page.locator("#results-album").tap()
    for prompt_id in ids:
        over = page.locator(f'.tile-over[data-over="{prompt_id}/0"]:visible')
        await expect(over.locator(".tile-server > span")).to_have_text(seed)
    await expect(page.locator(".album-narrowing")).to_be_visible()
    assert await page.evaluate(OUTSIDE) == []


async def test_menu_of_the_lowest_result_is_whole(window: MooringWindow) -> None:
    page = window.page
    lowest = (await make_results(window, 6, "Cliff"))[0]
    await find_results(window, "cliff", 6)
    await expect(page.locator(".cell:visible")).to_have_count(6)
    button = page.locator(f'.tile-over[data-over="{lowest}/0"] .menu-open')
    box = await button.bounding_box()
    assert box
    height = int(box["y"] + box["height"]) + 230  # too little for the menu below the button
    await page.set_viewport_size({"width": 360, "height": height})
    await button.tap()
    menu, tabs = page.locator(".menu:popover-open"), await page.locator("#tabs").bounding_box()
    first, last = [await item.bounding_box() for item in (menu.locator("button").first, menu.locator("button").last)]
    assert first and last and tabs
    assert first["y"] >= 0 and last["y"] + last["height"] <= tabs["y"]
    assert await menu.evaluate("(menu) => menu.scrollHeight <= menu.clientHeight")


@pytest.mark.parametrize("height", [740, 640])
async def test_menu_of_each_result_in_all_is_whole(window: MooringWindow, height: int) -> None:
    page = window.page
    await make_results(window, 6, "Gorge")
    await find_results(window, "gorge", 6)
    await page.set_viewport_size({"width": 360, "height": height})
    await expect(page.locator(".tile-over:visible")).to_have_count(6)
    for number in range(6):
        button = page.locator(".tile-over:visible .menu-open").nth(number)
        await button.scroll_into_view_if_needed()
        await button.tap()
        await page.locator(".menu:popover-open").wait_for()
        await wait_for_js(page, f"() => ({MENU})().every(Boolean)")
        await page.keyboard.press("Escape")
        await expect(page.locator(".menu:popover-open")).to_have_count(0)
    await page.get_by_test_id("album-pick-all").tap()
    await page.get_by_test_id("album-delete").tap()
    await page.get_by_test_id("confirm-delete").tap()


async def test_actions_lie_over_their_own_results_after_the_form_was_shown(window: MooringWindow) -> None:
    page = window.page
    await make_results(window, 2, "Storm")
    await find_results(window, "storm", 2)
    await expect(page.locator(".tile-over:visible")).to_have_count(2)
    await window.show("form")
    await window.wait_for(await window.submit(quick_workflow(3), "Storm"))
    await window.show("results")
    await expect(page.locator(".cell:visible")).to_have_count(3)
    await wait_for_js(page, f"() => ({APART})().length === 0")
    await expect(page.locator(".tile-over:visible")).to_have_count(3)

    tick, place = page.locator(".cell-tick").first, await page.locator(".cell").first.bounding_box()
    await tick.tap()
    delete = page.get_by_test_id("album-delete")
    where = await delete.bounding_box()
    assert await page.locator(".cell").first.bounding_box() == place, "nothing else comes under the finger"
    await page.locator(".cell-tick").nth(1).tap()
    await expect(page.get_by_test_id("album-compare")).to_be_enabled()
    assert await delete.bounding_box() == where
    await page.locator("[data-action=album-pick-none]").tap()
    await expect(page.locator(".tile-over:visible")).to_have_count(3)


async def test_back_closes_what_is_open_and_then_leaves(user: BrowserUser) -> None:
    window = await user.open()
    page, dialog, address = window.page, window.page.locator("dialog[open]"), window.page.url
    await expect(page.get_by_test_id("tab-form")).to_have_attribute("aria-current", "true")
    await make_results(window, 2)
    first = await page.evaluate("history.length")
    picture = page.locator(".result-open").first
    for close in (lambda: page.locator(".viewer-close").tap(), lambda: page.keyboard.press("Escape"), page.go_back):
        await picture.tap()
        await expect(page.locator("#large")).to_be_visible()
        assert page.url == address
        await close()
        await expect(dialog).to_have_count(0)
        await wait_for_js(page, "!history.state?.mooringDialog")
    await page.go_forward()  # to what was closed
    await wait_for_js(page, "!history.state?.mooringDialog")
    await expect(dialog).to_have_count(0)

    await picture.tap()
    await page.get_by_test_id("viewer-compare").tap()
    await expect(page.locator("#compare")).to_be_visible()
    await page.go_back()  # to the result that was compared
    await expect(page.get_by_test_id("viewer-compare")).to_be_focused()
    await wait_for_js(page, "history.state?.mooringDialog")
    await page.go_back()
    await expect(dialog).to_have_count(0)

    await picture.tap()
    await page.locator("dialog[open] [data-testid=use-settings]").tap()
    await expect(dialog).to_have_count(0)
    await wait_for_js(page, "!history.state?.mooringDialog")
    await window.show("results")
    await page.get_by_test_id("open-palette").tap()
    await page.keyboard.type("keyboard shortcuts")  # one dialog follows another
    await page.keyboard.press("Enter")
    await expect(page.locator("#shortcuts")).to_be_visible()
    await page.go_back()
    await expect(dialog).to_have_count(0)

    await picture.tap()
    await expect(page.locator("#large")).to_be_visible()
    await window.reload()
    await expect(page.get_by_test_id("tab-results")).to_have_attribute("aria-current", "true")
    await wait_for_js(page, "!history.state?.mooringDialog")
    assert await page.evaluate("history.length") <= first + 1
    await page.go_back()
    await wait_for_js(page, "location.href === 'about:blank'")


async def test_back_from_a_mask_asks_as_escape_does(window: MooringWindow, photo: Path) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await page.get_by_test_id("mask-1-image").tap()
    await page.locator("#mask-ring").wait_for(state="attached")  # the picture has been read
    await page.locator("#mask-stage").focus()
    await page.keyboard.press("Space")
    await page.locator("[data-mask-tool=undo]:enabled").wait_for(state="attached")
    question = page.get_by_test_id("mask-question")
    for _ in range(2):
        await page.go_back()
        await expect(question).to_be_visible()
        await wait_for_js(page, "history.state?.mooringDialog")
    await page.get_by_test_id("mask-discard").tap()
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await wait_for_js(page, "!history.state?.mooringDialog")


async def test_full_screen_turns_with_the_picture_and_can_be_left(window: MooringWindow) -> None:
    page = window.page
    await make_results(window, 1)
    await page.evaluate("""() => {
      screen.orientation.lock = async (way) => { document.documentElement.dataset.turned = way; };
    }""")
    await page.locator(".result-open").first.tap()
    await page.locator(".large-stage img:not(.is-small)").wait_for()
    leave = page.get_by_test_id("leave-full")
    await expect(leave).to_be_hidden()
    await page.locator("#zoom-full").tap()
    await expect(leave).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("data-turned", "landscape")
    await leave.tap()
    await expect(leave).to_be_hidden()
    assert await page.evaluate("document.fullscreenElement") is None


async def test_viewer_offers_no_button_that_changes_nothing(window: MooringWindow) -> None:
    page = window.page
    await make_results(window, 1)
    await page.locator(".result-open").first.tap()
    await page.locator(".large-stage img:not(.is-small)").wait_for()
    zoom = page.locator(".large-zoom")
    smaller, fit, larger, full = (zoom.locator(f"#zoom-{way}") for way in ("out", "fit", "in", "full"))
    await expect(full).to_be_visible()
    await expect(zoom.locator("button:visible")).to_have_count(2)
    await larger.tap()
    await expect(smaller).to_be_visible()
    await page.locator(".viewer [data-testid=star]").tap()
    await expect(page.locator(".viewer [data-testid=star][aria-pressed=true]")).to_be_visible()
    await expect(fit).to_be_visible()
    await fit.press("Enter")
    await expect(fit).to_be_hidden()
    await expect(larger).to_be_focused()
    await page.evaluate("() => { Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('no')); }")
    await full.tap()
    await expect(full).to_be_hidden()
    await window.reload()  # until then the page does not offer it


async def test_tap_right_after_closing_the_viewer_counts(window: MooringWindow) -> None:
    page = window.page
    await make_results(window, 1)
    await page.locator(".result-open").first.tap()
    close = await page.locator("dialog.viewer [data-action=close-dialog]").bounding_box()
    assert close is not None
    place = close["x"] + close["width"] / 2, close["y"] + close["height"] / 2
    await page.evaluate(NOTE_CLOSING)
    await page.touchscreen.tap(*place)
    await wait_for_js(page, "performance.now() - closedAt > 300")
    await page.touchscreen.tap(*place)
    await expect(page.locator("dialog.settings")).to_be_visible()


# Return the tools of the viewer that show no word below their icon, or whose word is cut.
UNNAMED_TOOLS = """() => [...document.querySelectorAll(".viewer-tools > .button")].filter((tool) => {
  const hasWord = tool.querySelector("span")?.checkVisibility();
  const shown = hasWord ? tool.innerText : getComputedStyle(tool, "::after").content;
  return !/\\w/.test(shown.replace("none", "")) || tool.scrollWidth > tool.clientWidth;
}).map((tool) => tool.outerHTML)"""


async def test_each_control_of_the_viewer_can_be_tapped(window: MooringWindow) -> None:
    page = window.page
    await make_results(window, 2)
    await page.locator(".result-open").first.tap()
    await page.locator("dialog[open] .film-item").nth(1).wait_for()
    assert await page.evaluate(COVERED) == []
    assert await page.evaluate(UNNAMED_TOOLS) == []


# Return the controls on the page, or in the dialog that is open, that lie where a home screen's own bars are.
# What can be scrolled can be scrolled away from there.
BELOW_BARS = """([top, bottom]) => [...document.querySelectorAll(document.querySelector("dialog[open]")
    ? "dialog[open] :is(button, a):not(.drawer-body *)" : ":is(.bar, .tabs, .run-bar) :is(button, a)")]
  .filter((item) => {
    const box = item.getBoundingClientRect();
    const isSeen = item.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
    return isSeen && (box.top < top || box.bottom > innerHeight - bottom);
  }).map((item) => item.ariaLabel ?? item.innerText)"""


async def test_nothing_lies_below_the_bars_of_a_home_screen(window: MooringWindow, photo: Path) -> None:
    """Opened from a home screen, the page also has the places of the phone's clock and of its home bar."""
    page, insets = window.page, {"top": 44, "bottom": 34}
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    await wait_for_js(page, "document.querySelector('.bar').offsetHeight > 80")
    assert await page.evaluate(BELOW_BARS, list(insets.values())) == []
    prompt_id = await window.run_photo(photo)
    await window.show("results")
    await window.open_large(prompt_id)
    assert await page.evaluate(BELOW_BARS, list(insets.values())) == []
    await window.close_large()
    await page.get_by_test_id("server-chip").click()
    await page.locator(".drawer-head button").wait_for()
    assert await page.evaluate(BELOW_BARS, list(insets.values())) == []
    await devtools.send("Emulation.setSafeAreaInsetsOverride", {"insets": {}})
    await devtools.detach()
