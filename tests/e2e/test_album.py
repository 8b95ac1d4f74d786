"""The album in a real browser: search, keys, comparison, reuse, saving and deletion of results."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import BARE, held, refused_once, wait_for_js
from tests.kit.browser.past import PUT_MANY
from tests.kit.browser.windows import VIEWPORT, BrowserUser, MooringWindow, open_user, press_in_menu
from tests.kit.browser.work import quick_workflow, slow_workflow
from tests.kit.services import Service, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

MANY = 5000
# Note how many cells each frame adds.
NOTE_CELLS = """() => {
  globalThis.added = [];
  const count = ({ addedNodes }) => [...addedNodes].filter((node) => node.matches(".cell")).length;
  const note = (changes) => added.push(changes.reduce((sum, change) => sum + count(change), 0));
  new MutationObserver(note).observe(document.getElementById("album-grid"), { childList: true });
}"""
LOOKED_FOR = """(name) => new Promise((resolve) => {
  indexedDB.open("mooring").onsuccess = ({ target: { result: database } }) => {
    const request = database.transaction("thumbnails").objectStore("thumbnails").get(name);
    request.onsuccess = () => { database.close(); resolve(); };
  };
})"""
# Take the bytes of a result out of the store; the returned function restores them.
TAKE_AWAY = """async (name) => {
  const open = indexedDB.open("mooring");
  const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const kinds = ["results", "thumbnails"];
  const rows = new Map();
  const change = (each) => new Promise((resolve) => {
    const transaction = database.transaction(kinds, "readwrite");
    for (const kind of kinds) each(transaction.objectStore(kind), kind);
    transaction.oncomplete = resolve;
  });
  await change((store, kind) => {
    store.get(name).onsuccess = (event) => rows.set(kind, event.target.result);
    store.delete(name);
  });
  return async () => {
    await change((store, kind) => store.put(rows.get(kind), name));
    database.close();
  };
}"""
# Return what is cut of the words over a result, with the longest date.
CUT = """(over) => {
  over.querySelector(".tile-when").textContent = "Nov 24, 2025, 10:45 PM";
  return [...over.querySelectorAll(".tile-name, .tile-when")]
    .filter((item) => item.scrollWidth > item.clientWidth || item.scrollHeight > item.clientHeight)
    .map((item) => item.textContent);
}"""
GONE = "(id) => !windowTasks.some((task) => task.promptId === id)"
ARE_SEEN = "() => [...document.querySelectorAll('.compare-stage img')].every((image) => image.naturalWidth > 0)"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two demo servers behind one gateway."""
    folder = tmp_path_factory.mktemp("album")
    with (
        start_demo("--step-seconds", "0.01", data=folder / "a") as a,
        start_demo("--step-seconds", "0.01", data=folder / "b") as b,
        start_gateway("--server", f"a={a.url}", "--server", f"b={b.url}") as service,
    ):
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def user(browser: Browser, gateway: Service) -> AsyncIterator[BrowserUser]:
    """One user's windows for the whole module."""
    async with open_user(browser, gateway.url) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(user: BrowserUser) -> MooringWindow:
    """A window with four results, the third with a prompt, beside one result of another window."""
    other = await user.open()
    await other.wait_for(await other.submit(quick_workflow(200), "Elsewhere"))
    window = await user.open()
    for number in range(3):
        await window.wait_for(await window.submit(quick_workflow(number), "Plain"))
    await window.wait_for(await window.submit(slow_workflow(2, text="沙丘 at night"), "Dunes"))
    await other.page.close()
    await window.page.locator("#results-album").click()
    await expect(cells(window)).to_have_count(5)
    return window


def cells(window: MooringWindow) -> Locator:
    return window.page.locator("#album-grid [role=option]")


async def _delete(page: Page, cell: Locator) -> None:
    await cell.focus()
    await page.keyboard.press("Delete")
    await cell.wait_for(state="detached")


async def search(window: MooringWindow, text: str) -> None:
    await window.page.get_by_test_id("album-search").fill(text)


async def test_results_of_all_windows_are_shown_with_pictures(window: MooringWindow) -> None:
    await expect(cells(window).locator("img")).to_have_count(5)
    await expect(cells(window).first).to_have_attribute("aria-label", re.compile("^Dunes on"))
    await expect(cells(window).last).to_have_attribute("aria-label", re.compile("^Elsewhere on"))
    await check_axe(window.page)


async def test_hovered_result_shows_its_whole_title_and_date(window: MooringWindow) -> None:
    page = window.page
    over = page.locator(".tile-over:visible")
    for width in (1440, 900):
        await page.set_viewport_size({"width": width, "height": 900})
        await cells(window).nth(1).hover()
        await expect(over).to_have_count(1)
        assert await over.evaluate(CUT) == []
    await page.set_viewport_size(VIEWPORT)


async def test_link_of_a_download_says_that_it_has_started(window: MooringWindow) -> None:
    page = window.page
    await cells(window).nth(1).click()
    link = page.locator(".viewer-tools a[download]")
    async with page.expect_download() as saved:
        await link.click()
    notice = page.locator("dialog.viewer [data-kind=saved]")
    name = re.escape((await saved.value).suggested_filename)
    await expect(notice).to_contain_text(re.compile(rf"Download started\s*{name}"))
    await expect(page.locator("#live p", has_text="Download started")).to_have_count(1)
    await window.close_large()
    await page.locator("[data-kind=saved] [data-action=dismiss-notice]").click()


async def test_thumbnail_appears_when_its_bytes_arrive(window: MooringWindow) -> None:
    page = window.page
    async with held(page, "**/view?*"):
        prompt_id = await window.submit(quick_workflow(50), "Late")
        cell = page.locator(f'[id="cell-{prompt_id}/0"]')
        await cell.wait_for()
        await page.evaluate(LOOKED_FOR, f"{prompt_id}/0")  # the grid's own read has been answered before
        await expect(cell.locator("img")).to_have_count(0)
    await expect(cell.locator("img")).to_have_count(1)
    await expect(cells(window).locator("img")).to_have_count(6)
    await _delete(page, cell)


async def test_thumbnail_that_another_window_keeps_later_appears(window: MooringWindow) -> None:
    page = window.page
    last = cells(window).last
    name = (await last.get_attribute("id") or "").removeprefix("cell-")
    await page.get_by_role("button", name="Latest", exact=True).click()
    kept = await page.evaluate_handle(TAKE_AWAY, name)
    await page.locator("#results-album").click()
    await expect(cells(window).locator("img")).to_have_count(4)
    await kept.evaluate("async (give) => give()")
    await expect(cells(window).locator("img")).to_have_count(5)


async def test_pictures_appear_once_the_script_that_reads_them_has_come(
    window: MooringWindow, user: BrowserUser
) -> None:
    page = window.page
    user.watch.expected += ["pictures_worker", "ERR_FAILED"]
    await page.get_by_role("button", name="Latest", exact=True).click()
    async with refused_once(page, "**/pictures_worker.js"):
        await page.locator("#results-album").click()
        await expect(cells(window).locator("img")).to_have_count(5)


async def test_field_is_empty_once_a_search_is_over(window: MooringWindow) -> None:
    field = window.page.get_by_test_id("album-search")
    await field.press_sequentially("moonlit ")
    await expect(window.page.get_by_test_id("album-wide")).to_be_visible()
    await expect(field).to_have_value("moonlit ")
    await window.page.get_by_test_id("album-wide").click()
    await expect(field).to_have_value("")


async def test_prompt_is_found_in_any_language(window: MooringWindow) -> None:
    await search(window, "沙丘")
    await expect(cells(window)).to_have_count(1)
    await search(window, "plain")
    await expect(cells(window)).to_have_count(3)
    await search(window, "nobody wrote this")
    await expect(window.page.get_by_text("No result fits the search and the filters.")).to_be_visible()
    await check_axe(window.page)
    await window.page.get_by_role("button", name="Show all").click()
    await expect(cells(window)).to_have_count(5)


async def test_keyboard_moves_selects_opens_and_returns(window: MooringWindow) -> None:
    page = window.page
    await cells(window).first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(cells(window).nth(1)).to_be_focused()
    await page.keyboard.press("End")
    await expect(cells(window).last).to_be_focused()
    await page.keyboard.press("Home")
    await page.keyboard.press("Space")
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.locator("#album-picked")).to_have_text("2 picked")
    await check_axe(page)
    await page.get_by_role("button", name="Pick none").click()
    await cells(window).first.focus()
    await page.keyboard.press("Enter")
    await page.locator(".large-stage img:not(.is-small)").wait_for()
    await check_axe(page)
    picture = page.locator(".large-stage img")
    await page.keyboard.press("+")
    await expect(picture).to_have_class("is-zoomed")
    await page.keyboard.press("0")
    await expect(picture).not_to_have_class("is-zoomed")
    await picture.dblclick()
    await expect(picture).to_have_class("is-zoomed")
    await page.get_by_role("button", name="Fit into the window").click()
    await expect(picture).not_to_have_class("is-zoomed")
    title = page.locator("dialog .large-title")
    await expect(title).to_have_text("Dunes")
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text("Plain")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(cells(window).first).to_be_focused()


async def test_two_results_are_compared_side_by_side_and_with_slider(window: MooringWindow) -> None:
    page = window.page
    await cells(window).first.focus()
    place = await cells(window).first.bounding_box()
    await page.keyboard.press("Space")
    await expect(page.get_by_test_id("album-compare")).to_be_disabled()
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.get_by_test_id("album-compare")).to_be_enabled()
    assert await cells(window).first.bounding_box() == place, "the grid stays when a result is picked"
    await page.get_by_test_id("album-compare").click()
    await expect(page.locator(".compare-stage img")).to_have_count(2)
    await wait_for_js(page, ARE_SEEN)
    stage = page.locator(".compare-stage.is-slider")
    box = await stage.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.6)
    await page.mouse.up()
    await expect(stage).to_have_attribute("style", re.compile("--at: 20%"))
    await page.keyboard.press("ArrowRight")
    await expect(stage).to_have_attribute("style", re.compile("--at: 21%"))
    await check_axe(page)
    await page.locator(".film-item").nth(3).click()
    await expect(page.locator(".film-item[aria-current]")).to_have_count(1)
    await wait_for_js(page, ARE_SEEN)
    await expect(stage).to_have_attribute("style", re.compile("--at: 21%"))
    await page.get_by_test_id("compare-way").click()
    await page.locator(".compare-stage:not(.is-slider)").wait_for()
    await wait_for_js(page, ARE_SEEN)
    await check_axe(page)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.get_by_test_id("album-pick-all").wait_for()  # those compared are picked no more


async def test_comparison_returns_to_the_large_view_and_then_to_the_album(window: MooringWindow) -> None:
    page, compare = window.page, window.page.get_by_test_id("viewer-compare")
    await cells(window).nth(1).focus()
    await page.keyboard.press("Enter")
    stage = page.locator(".large-stage")
    shown = await stage.get_attribute("id")
    await expect(compare).to_have_text("Compare")
    close = page.get_by_test_id("compare-dialog").get_by_role("button", name="Close")
    for opens, closes in (
        (compare.click, close.click),
        *[(lambda: page.keyboard.press("c"), lambda: page.keyboard.press("Escape"))] * 2,
    ):
        await opens()
        await wait_for_js(page, ARE_SEEN)
        await page.locator(".film-item").nth(3).click()
        await closes()
        await expect(stage).to_have_attribute("id", str(shown))
        await expect(compare).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(stage).not_to_have_attribute("id", str(shown))
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(cells(window).nth(1)).to_be_focused()


async def test_several_results_are_saved_as_one_archive(window: MooringWindow) -> None:
    page = window.page
    await page.get_by_test_id("album-pick-all").click()
    async with page.expect_download() as saved:
        await page.get_by_test_id("album-download").click()
    download = await saved.value
    archive = zipfile.ZipFile(await download.path())
    assert download.suggested_filename == "mooring.zip"
    words = "Download of 5 results started"
    await expect(page.locator("#errors [data-kind=saved]")).to_contain_text(re.compile(rf"{words}\s*mooring\.zip"))
    await expect(page.locator("#live p", has_text=words)).to_have_count(1)
    assert len(set(archive.namelist())) == 5
    assert {name.split("_")[2] for name in archive.namelist()} <= {"a", "b"}, "after date and workflow"
    for name in archive.namelist():
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.format == "PNG"
    await page.get_by_role("button", name="Pick none").click()


async def test_picture_saved_without_workflow_has_no_metadata_and_equal_pixels(window: MooringWindow) -> None:
    page = window.page
    pictures: list[dict[str, bytes]] = []
    for action in ("album-download", "album-download-bare"):
        await page.get_by_test_id("album-pick-all").click()
        button = page.locator(f".is-picking [data-action={action}]")
        async with page.expect_download() as saved:
            await (press_in_menu(button) if action.endswith("bare") else button.click())
        archive = zipfile.ZipFile(await (await saved.value).path())
        pixels = {}
        for name in archive.namelist():
            with Image.open(io.BytesIO(archive.read(name))) as image:
                assert ("prompt" in image.info) is (action == "album-download")
                pixels[name] = image.tobytes()
        pictures.append(pixels)
        await page.get_by_role("button", name="Pick none").click()
    assert pictures[0] == pictures[1]


async def test_project_and_template_name_saved_files(window: MooringWindow) -> None:
    page = window.page
    await page.get_by_test_id("project").fill("海港")
    prompt_id = await window.submit(quick_workflow(7), "Named")
    await window.wait_for(prompt_id)
    await search(window, "海港")
    await expect(cells(window)).to_have_count(1)
    await press_in_menu(window.page.get_by_test_id("open-saving"))
    await page.get_by_test_id("names").fill("{project}-{workflow}-{server}")
    await expect(page.locator("#names-example")).to_contain_text("harbour-Dunes-gpu-2.png")
    await check_axe(page)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("album-pick-all").click()
    async with page.expect_download() as saved:
        await page.get_by_test_id("album-download").click()
    assert re.fullmatch("海港-Named-[ab].png", (await saved.value).suggested_filename)
    await page.get_by_test_id("album-delete").click()
    await page.get_by_role("button", name="Show all").click()
    await expect(cells(window)).to_have_count(5)


async def test_menus_of_a_result_are_alike_in_latest_and_all(window: MooringWindow) -> None:
    page = window.page
    menu = page.locator(".menu:popover-open")
    entries = menu.locator("button:visible, a:visible")
    await cells(window).first.hover()
    await page.locator(".tile-over:visible .menu-open").click()
    await expect(menu).to_contain_text("Dunes")
    in_all = await entries.all_inner_texts()
    await page.keyboard.press("Escape")
    await page.locator("#results-latest").click()
    tile = page.locator(".tile").first
    await tile.hover()
    for _ in range(2):  # the second time it is the same
        await tile.get_by_test_id("menu").click()
        assert await entries.all_inner_texts() == [entry for entry in in_all if entry != "Pick"]
        assert await menu.locator(".tile-about").text_content() == " · ".join(
            await tile.locator(".tile-name, .tile-when").all_inner_texts()
        )
        await page.keyboard.press("Escape")
    await tile.get_by_test_id("menu").click()
    await menu.get_by_text("Use these settings").click()
    await expect(page.locator("#form textarea").first).to_have_value("沙丘 at night")
    await page.locator("#results-album").click()


async def test_restored_settings_produce_the_same_picture(window: MooringWindow) -> None:
    page = window.page
    await cells(window).first.click()
    await page.get_by_test_id("use-settings").click()
    await expect(page.locator("dialog")).to_have_count(0)
    text = page.locator("#form textarea").first
    await expect(text).to_have_value("沙丘 at night")
    prompt_id = await window.press_run()
    await window.wait_for(prompt_id)
    await expect(cells(window)).to_have_count(6)
    same = await page.evaluate(
        """async () => {
          const names = [...document.querySelectorAll("#album-grid .cell")].slice(0, 2).map((cell) => cell.id.slice(5));
          const open = indexedDB.open("mooring");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const store = database.transaction("results").objectStore("results");
          const rows = await Promise.all(names.map((name) => new Promise((resolve) => {
            store.get(name).onsuccess = (event) => resolve(event.target.result.blob);
          })));
          database.close();
          const draw = async (blob) => {
            const image = await createImageBitmap(blob);
            const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
            context.drawImage(image, 0, 0);
            return context.getImageData(0, 0, image.width, image.height).data.join();
          };
          const [one, other] = await Promise.all(rows.map(draw));
          return one === other;
        }"""
    )
    assert same


async def test_result_becomes_an_input(window: MooringWindow) -> None:
    page = window.page
    filled = page.locator("[data-testid=drop-1-image].has-picture")
    await window.choose_sample("enlarge")
    await cells(window).nth(2).hover()
    await page.locator(".tile-over [data-action=use-as-input]:visible").click()  # the one click
    await filled.wait_for()
    assert await page.evaluate("[location.search, location.hash]") == ["", ""], "nothing of it is in the address"
    await page.locator("[data-action=clear-picture]").click()
    await filled.wait_for(state="detached")
    await cells(window).nth(2).click()
    await page.get_by_test_id("use-as-input").click()
    await filled.wait_for()


async def test_deleted_result_is_gone_from_the_disk_after_reload(window: MooringWindow) -> None:
    page = window.page
    name = (await cells(window).first.get_attribute("id") or "").removeprefix("cell-")
    await cells(window).first.focus()
    await page.keyboard.press("Delete")
    await expect(cells(window)).to_have_count(5)
    await page.mouse.move(0, 0)  # the notice stays under the pointer
    await expect(page.get_by_test_id("undo-deletion")).to_have_count(0)
    await wait_for_js(page, GONE, arg=name.rpartition("/")[0])
    await window.reload()
    await page.locator("#results-album").click()
    await expect(cells(window)).to_have_count(5)
    assert await page.locator(f'[id="cell-{name}"]').count() == 0
    there = await page.evaluate(
        """(name) => new Promise((resolve) => {
          indexedDB.open("mooring").onsuccess = ({ target: { result: database } }) => {
            const transaction = database.transaction(["results", "thumbnails"]);
            const found = [];
            for (const kind of ["results", "thumbnails"]) {
              transaction.objectStore(kind).getKey(name).onsuccess = (event) => found.push(event.target.result);
            }
            transaction.oncomplete = () => { database.close(); resolve(found.filter(Boolean)); };
          };
        })""",
        name,
    )
    assert there == []


async def test_five_thousand_results_are_drawn_as_few_elements(window: MooringWindow) -> None:
    page = window.page
    await page.evaluate(PUT_MANY, MANY)
    await window.reload()
    await page.locator("#results-album").click()
    await expect(page.locator(".album-count")).to_contain_text("5,005 results")
    assert await cells(window).count() < 200
    await expect(cells(window).first).to_have_attribute("aria-setsize", "5005")  # the size is updated last
    await cells(window).first.focus()
    await page.keyboard.press("End")
    await expect(cells(window).last).to_be_focused()
    await expect(cells(window).last).to_have_attribute("aria-posinset", "5005")
    await expect(cells(window).last.locator("img")).to_be_visible()
    assert await cells(window).count() < 200
    await page.evaluate(NOTE_CELLS)
    await page.keyboard.press("Home")
    await expect(cells(window).first).to_be_focused()
    await expect(cells(window).nth(12).locator("img")).to_be_visible()
    assert await page.evaluate("Math.max(...added)") <= 9  # 8, and the one with the focus
    await search(window, "scene 4321")
    await expect(cells(window)).to_have_count(1)


ZONE = ZoneInfo("Pacific/Auckland")
DAYS = {0: 3, 1: 5, 2: 1, 6: 6, 400: 2}  # how many days ago, and how many results
# Return the results below each heading: their numbers, how far they are from the left, and below the heading.
BY_DAY = """() => {
  const days = [...document.querySelectorAll(".day")].map((day) => [day.getBoundingClientRect(), day.innerText, []]);
  const left = document.getElementById("album-grid").getBoundingClientRect().left;
  for (const cell of document.querySelectorAll("#album-grid .cell")) {
    const box = cell.getBoundingClientRect();
    const day = days.find(([{ top, bottom }]) => box.top >= top && box.bottom <= bottom + 1);
    day[2].push([Number(cell.ariaPosInSet), Math.round(box.left - left), Math.round(box.top - day[0].top)]);
  }
  return days.map(([, name, cells]) => [name, cells]);
}"""
# Compare the places of random results with those that a walk through all of them finds; return what differs.
WALKED = """async (seed) => {
  const { DayRows, daysOf } = await import("/static/js/days.js");
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const upTo = (most) => Math.floor(random() * (most + 1));
  const found = [];
  for (let round = 0; round < 60; round++) {
    const [columns, step, gap, head, between] = [2 + upTo(4), 60 + upTo(40), 8, 40, 12];
    let now = new Date(2026, 2, 29, 12).getTime() / 1000; // with a change of the clocks, in many places
    const ends = Array.from({ length: upTo(120) }, () => (now -= random() ** 6 * 400000));
    const days = daysOf(ends);
    const rows = new DayRows(days, columns, { step, gap, head, between });
    const [places, dates] = [[], ends.map((at) => new Date(at * 1000).toDateString())];
    let [top, day, lines] = [-between, null, []];
    ends.forEach((_, index) => {
      const isFirst = dates[index] !== dates[index - 1];
      if (isFirst) [day, top] = [index, top + between + head];
      if (!isFirst && (index - day) % columns === 0) top += step;
      if ((index - day) % columns === 0) lines.push([]);
      lines.at(-1).push(index);
      places.push([((index - day) % columns) * step, top]);
      if (dates[index] !== dates[index + 1]) top += step - gap;
    });
    const check = (what, one, other) => {
      if (JSON.stringify(one) !== JSON.stringify(other)) found.push([what, one, other].map(String).join(" · "));
    };
    check("height", rows.height, Math.max(0, top));
    const firsts = [...ends.keys()].filter((index) => dates[index] !== dates[index - 1]);
    check("days", days.map((item) => item.first), firsts);
    ends.forEach((_, index) => check("place", rows.placeOf(index), places[index]));
    lines.forEach((line, at) => {
      const near = (other, column) => other?.[Math.min(other.length - 1, column)];
      const column = upTo(columns - 1);
      check("below", rows.beside(line[0], column, 1), near(lines[at + 1], column) ?? line[0]);
      check("above", rows.beside(line[0], column, -1), near(lines[at - 1], column) ?? line[0]);
      const height = (other) => places[other[0]][1];
      const further = lines.filter((other) => height(other) > height(line) && height(other) <= height(line) + 3 * step);
      const down = near(further.at(-1) ?? lines[at + 1], column) ?? line[0];
      check("a page down", rows.away(line[0], column, 3 * step), down);
      const before = lines.filter((other) => height(other) < height(line) && height(other) >= height(line) - 3 * step);
      const up = near(before[0] ?? lines[at - 1], column) ?? line[0];
      check("a page up", rows.away(line[0], column, -3 * step), up);
    });
    for (let time = 0; time < 20; time++) {
      const upper = upTo(rows.height + 400) - 200;
      const lower = upper + 1 + upTo(300);
      const [first, last] = rows.within(upper, lower);
      const inSight = places.flatMap(([, y], index) => (y + step - gap > upper && y < lower ? [index] : []));
      const isMissing = inSight.some((index) => index < first || index >= last);
      check("in sight", [false, true], [isMissing, last - first <= inSight.length + 2 * columns]);
    }
  }
  return found;
}"""
# Return whether the focused cell is whole on the page, and no heading lies over it.
FREE = """() => {
  const { top, bottom } = document.activeElement.getBoundingClientRect();
  const names = [...document.querySelectorAll(".day-name")].map((name) => name.getBoundingClientRect());
  return top > 0 && bottom <= innerHeight && names.every((name) => name.bottom <= top || name.top >= bottom);
}"""
# A clock that can be put forward.
CLOCK = """(() => {
  globalThis.ahead = 0;
  const [Real, now] = [Date, Date.now.bind(Date)];
  globalThis.Date = class extends Real {
    constructor(...parts) { parts.length ? super(...parts) : super(now() + ahead); }
    static now() { return now() + ahead; }
  };
})()"""


def days_ago(count: int) -> datetime:
    """Return the beginning of a day."""
    return (datetime.now(ZONE) - timedelta(days=count)).replace(hour=0, minute=0, second=0, microsecond=0)


def day_name(count: int) -> str:
    """Return what the page should call a day."""
    day, this_year = days_ago(count), datetime.now(ZONE).year
    year = f", {day.year}" if day.year != this_year else ""
    return {0: "Today", 1: "Yesterday"}.get(count, f"{day:%A, %B} {day.day}{year}")


@pytest_asyncio.fixture(loop_scope="session")
async def dated(user: BrowserUser) -> MooringWindow:
    """A window of a profile of its own, in another time zone, with results of some days' first and last moments."""
    profile = await user.new_profile(timezone_id=str(ZONE))
    await profile.add_init_script(CLOCK)
    window = await MooringWindow.open(profile, user.base)
    await window.ready()
    ends: list[float] = []
    for ago, count in DAYS.items():
        first, after = days_ago(ago).timestamp(), days_ago(ago - 1).timestamp()
        ends += [first + number / 1000 for number in range(count - 1)]
        ends.append(after - 0.001 if ago else first + 1)
    await window.page.evaluate(PUT_MANY, ends)
    await window.reload()
    await window.page.locator("#results-album").click()
    await expect(window.page.locator("#album-found")).to_have_text(f"{sum(DAYS.values())} results")
    return window


async def test_places_of_results_are_those_of_a_walk_through_all(window: MooringWindow) -> None:
    for seed in (1, 2026):
        assert await window.page.evaluate(WALKED, seed) == []


@pytest.mark.parametrize(("width", "columns"), [(1280, 3), (360, 2)])
async def test_each_day_has_a_heading_and_begins_a_row(dated: MooringWindow, width: int, columns: int) -> None:
    page = dated.page
    await page.set_viewport_size({"width": width, "height": 4000})
    await dated.show("results")
    await expect(cells(dated)).to_have_count(17)
    await wait_for_js(page, f"() => ({BY_DAY})()[0][1][0][2] === 40")
    days = await page.evaluate(BY_DAY)
    assert [(name, len(found)) for name, found in days] == [(day_name(ago), count) for ago, count in DAYS.items()]
    step = days[0][1][1][1]
    numbers = iter(range(1, 18))
    for _, found in days:
        assert found == [
            [next(numbers), pytest.approx(at % columns * step, abs=1), pytest.approx(40 + at // columns * step, abs=2)]
            for at in range(len(found))
        ]
    await check_axe(page)


async def test_arrow_keys_keep_to_a_column_past_short_days(dated: MooringWindow) -> None:
    page = dated.page
    await expect(cells(dated).first).to_have_attribute("aria-setsize", "17")
    focused = page.locator("#album-grid .cell:focus")
    await cells(dated).nth(2).focus()
    for key, number in (
        ("ArrowDown", 6), ("ArrowDown", 8), ("ArrowDown", 9), ("ArrowDown", 12), ("ArrowDown", 15), ("ArrowDown", 17),
        ("ArrowDown", 17), ("ArrowUp", 15), ("ArrowUp", 12), ("ArrowUp", 9), ("ArrowLeft", 8), ("ArrowUp", 5),
        ("ArrowUp", 2), ("PageDown", 5), ("End", 17), ("PageUp", 14), ("Home", 1), ("Shift+ArrowDown", 4),
    ):  # fmt: skip
        await page.keyboard.press(key)
        await expect(focused).to_have_attribute("aria-posinset", str(number))
        assert await page.evaluate(FREE), f"{key} to {number}"
    await expect(page.locator("#album-picked")).to_have_text("4 picked")


async def test_choices_of_time_count_the_users_days(dated: MooringWindow) -> None:
    for choice, count in (("Today", 3), ("Yesterday", 5), ("Last 2 weeks", 15), ("Over 30 days ago", 2)):
        await dated.page.get_by_label("When").select_option(choice)
        await expect(dated.page.locator("#album-found")).to_have_text(f"{count} of 17")


async def test_headings_follow_new_and_deleted_results_and_midnight(dated: MooringWindow) -> None:
    page = dated.page
    names = page.locator(".day-name")
    await expect(names.first).to_have_text("Today")
    await expect(names.nth(2)).to_have_text(day_name(2))
    await cells(dated).nth(4).hover()
    await expect(page.locator(".tile-over:visible .tile-when")).to_have_text(re.compile(r"^\d+:\d\d\s[AP]M$"))  # no day
    await _delete(page, page.locator('[id="cell-many-00008/0"]'))  # the only one of that day
    await expect(names.nth(2)).to_have_text(day_name(6))
    await dated.wait_for(await dated.submit(quick_workflow(9), "New"))
    await expect(names.first).to_have_text("Today")
    await expect(cells(dated).first).to_have_attribute("aria-label", re.compile(r"^New on [ab], \d+:\d+"))
    await page.evaluate("() => { ahead = 86_400_000; dispatchEvent(new Event('scroll')); }")
    await expect(names.first).to_have_text("Yesterday")
    await expect(names.nth(1)).to_have_text(f"{days_ago(1):%A, %B} {days_ago(1).day}")
    await expect(cells(dated).first).to_have_attribute("aria-label", re.compile(r"^New on [ab], [A-Z][a-z]+ \d+"))


# The origin's private file system replaces the folder that a user would choose, since no test can operate the
# browser's folder chooser. Handle, permission and writing are real.
PICKER = """globalThis.showDirectoryPicker = async () =>
  (await navigator.storage.getDirectory()).getDirectoryHandle("out", { create: true });"""
SAVED = """async () => {
  const folder = await globalThis.showDirectoryPicker();
  const found = {};
  for await (const [name, handle] of folder) {
    if (name.endsWith(".crswap")) continue; // what the browser writes to until a file is closed
    const head = [...new Uint8Array(await (await handle.getFile()).slice(0, 4).arrayBuffer())];
    if (head.length) found[name] = head; // a file is there, empty, from its naming to the end of its writing
  }
  return found;
}"""


async def test_empty_file_of_an_interrupted_save_is_replaced(user: BrowserUser) -> None:
    profile = await user.new_profile()
    await profile.add_init_script(PICKER)
    page = await profile.new_page()
    user.watch.expected.append("favicon.ico")  # a bare document has none
    await page.goto(f"{user.base}{BARE}")
    names = await page.evaluate(
        """async () => {
          const folder = await globalThis.showDirectoryPicker();
          await folder.getFileHandle("left.png", { create: true });
          const { chooseFolder, saveToFolder } = await import("/static/js/folder.js");
          await chooseFolder();
          return [await saveToFolder(new Blob(["x"]), "left.png"), await saveToFolder(new Blob(["y"]), "left.png")];
        }"""
    )
    assert names == ["left.png", "left_2.png"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def saving(user: BrowserUser) -> MooringWindow:
    """A window in a profile of its own, which may write to the clipboard and to that folder."""
    profile = await user.new_profile()
    await profile.add_init_script(PICKER)
    await profile.grant_permissions(["clipboard-read", "clipboard-write"])
    window = await MooringWindow.open(profile, user.base)
    await window.ready()
    return window


async def test_text_output_is_a_result(saving: MooringWindow) -> None:
    window, page = saving, saving.page
    text = "dunes <b>at</b> night, 沙丘"
    workflow = {**quick_workflow(), "3": {"class_type": "PreviewAny", "inputs": {"source": text}}}
    prompt_id = await window.submit(workflow, "Told")
    task = await window.wait_for(prompt_id)
    assert sorted(item["kind"] for item in task["outputs"]) == ["images", "text"]
    shown = window.card(prompt_id, "succeeded").locator(".shown-text")
    await expect(shown).to_have_text(text)
    await shown.click()
    await expect(page.locator("#large-text")).to_be_visible()
    await check_axe(page)
    async with page.expect_download() as saved:
        await page.locator("dialog.large a[download]").click()
    assert (await (await saved.value).path()).read_text("utf-8") == text
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_results_are_saved_to_the_chosen_folder_after_reload(saving: MooringWindow) -> None:
    window, page = saving, saving.page
    await window.wait_for(await window.submit(quick_workflow()))
    await press_in_menu(window.page.get_by_test_id("open-saving"))
    await page.get_by_test_id("choose-folder").click()
    await expect(page.locator(".folder-name")).to_have_text("out")
    await check_axe(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("folder-sign")).to_be_visible()
    first = await window.submit(quick_workflow(), "Dunes")
    await window.wait_for(first)
    await wait_for_js(page, f"async () => Object.keys(await ({SAVED})()).length === 1")
    await window.reload()
    await window.wait_for(await window.submit(quick_workflow(), "Dunes"))
    await wait_for_js(page, f"async () => Object.keys(await ({SAVED})()).length === 2")
    saved = await page.evaluate(SAVED)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d_Dunes_[ab]_\d+(_2)?\.png", name) for name in saved), saved
    assert all(bytes(head) == b"\x89PNG" for head in saved.values())

    await window.open_large(first)
    await page.get_by_test_id("copy-picture").click()
    await expect(page.get_by_test_id("copy-picture")).to_have_text("Copied")
    assert await page.evaluate("async () => (await navigator.clipboard.read())[0].types") == ["image/png"]


async def test_first_result_of_a_window_says_where_the_others_are(browser: Browser, gateway: Service) -> None:
    async with open_user(browser, gateway.url) as own:
        other = await own.open()
        await other.wait_for(await other.submit(quick_workflow(200), "Elsewhere"))
        fresh = await own.open()
        page, note = fresh.page, fresh.page.get_by_test_id("results-replaced")
        await expect(cells(fresh)).to_have_count(1)
        await expect(note).to_have_count(0)
        await fresh.wait_for(await fresh.submit(quick_workflow(77), "Fresh"))
        await expect(note).to_be_visible()
        await expect(page.locator("#results-latest")).to_have_attribute("aria-pressed", "true")
        await check_axe(page)
        await page.get_by_test_id("show-all-results").click()
        await expect(cells(fresh)).to_have_count(2)
        await page.locator("#results-latest").click()
        await expect(page.locator("#results .tile")).to_have_count(1)
        await expect(note).to_have_count(0)
