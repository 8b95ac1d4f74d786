"""The results that a browser keeps: bounded, with separate thumbnails, and deleted for good on demand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.kit.browser.chromium import run_python, wait_for_js, wait_for_snapshot
from tests.kit.browser.faults import Fleet, start_fleet
from tests.kit.browser.windows import BrowserUser, MooringWindow, press_for_result, press_in_menu
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# The keys of all object stores, read without our code.
RAW = """() => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const database = open.result, names = ["tasks", "results", "thumbnails", "inputs", "ledger"], found = {};
    const transaction = database.transaction(names);
    for (const name of names) {
      transaction.objectStore(name).getAllKeys().onsuccess = (event) => {
        found[name] = event.target.result.filter((key) => key !== "sums");
      };
    }
    transaction.oncomplete = () => { database.close(); resolve(found); };
  };
})"""


@pytest.fixture(scope="module")
def module_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One server with a large picture for the whole module."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "a/input").mkdir(parents=True)
    image = Image.new("RGB", (768, 576), (47, 111, 79))
    image.paste(Image.frombytes("RGB", (768, 160), random.Random(7).randbytes(768 * 160 * 3)))
    image.save(folder / "a/input/noise.png")
    with start_fleet(folder, "a") as opened:
        yield opened


gateway = gateway_of_fleet


def large_workflow(number: int) -> dict[str, Any]:
    """Return a picture of 370 kB. To draw as large a one takes a second of a core."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "noise.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": f"shelf-{number}"}},
    }


async def run_large(window: MooringWindow, count: int) -> list[str]:
    """Run tasks one by one until each is delivered."""
    ids = []
    for number in range(count):
        ids.append(await window.submit(large_workflow(number)))
        assert (await window.wait_for(ids[-1]))["state"] == "succeeded"
    return ids


async def read_keys(window: MooringWindow) -> dict[str, list[str]]:
    """Return the keys in the store."""
    return dict(await window.page.evaluate(RAW))


def result(window: MooringWindow, prompt_id: str, delivery: str) -> Locator:
    """Return a card's result with this delivery state."""
    return window.card(prompt_id).locator(f"[data-testid=result][data-delivery={delivery}]")


async def expect_width(image: Locator, width: int) -> None:
    """Wait until an image, whose address may be about to change, has this width."""
    await expect(image).to_have_js_property("naturalWidth", width)


async def open_keeping(window: MooringWindow) -> Locator:
    """Open the dialog about kept results."""
    await press_in_menu(window.page.get_by_test_id("open-keeping"))
    dialog = window.page.get_by_test_id("keeping-dialog")
    await dialog.get_by_test_id("save-keeping").wait_for()
    return dialog


async def set_cap(window: MooringWindow, gigabytes: str) -> str:
    """Set how much is kept, and return what it was before."""
    dialog = await open_keeping(window)
    before = await dialog.locator("#keep-cap").input_value()
    await dialog.locator("#keep-cap").fill(gigabytes)
    await dialog.get_by_test_id("save-keeping").click()
    await expect(dialog).to_have_count(0)
    return before


async def test_oldest_original_is_removed_and_its_thumbnail_kept(
    module_user: BrowserUser, window: MooringWindow, fleet: Fleet
) -> None:
    module_user.watch.expected += ["Failed to load resource", "WebSocket connection"]
    before = await set_cap(window, "0.001")  # one megabyte, enough for two
    first, second, third = await run_large(window, 3)
    await result(window, first, "dropped").wait_for()
    for prompt_id in (second, third):
        await result(window, prompt_id, "kept").wait_for()
    await expect_width(window.card(first).get_by_test_id("result-image"), 384)
    await window.card(first).get_by_test_id("result-image").click()
    large = window.page.get_by_test_id("picture-dialog")
    await large.locator("a[download]").wait_for()
    await expect_width(large.locator(".large-stage img"), 768)  # its server still has it

    fleet.kill("a")
    await window.reload()
    await expect_width(window.card(first).get_by_test_id("result-image"), 384)
    await window.card(second).get_by_test_id("result-image").click()
    await large.locator("a[download]").wait_for()
    await expect_width(large.locator(".large-stage img"), 768)  # this one is kept
    await window.page.keyboard.press("Escape")
    await window.card(first).get_by_test_id("result-image").click()
    await large.locator("#large-missing").wait_for()
    await expect_width(large.locator(".large-stage img"), 384)
    assert sorted((await read_keys(window))["results"]) == sorted([f"{second}/0", f"{third}/0"])
    await window.page.keyboard.press("Escape")
    assert await set_cap(window, before) == "0.001"
    fleet.start("a")
    await wait_for_js(window.page, "() => mooring.fleet().servers.every((server) => server.health === 'well')")


async def test_removed_task_leaves_nothing_in_the_store(window: MooringWindow, fleet: Fleet, photo: Path) -> None:
    before = await read_keys(window)
    prompt_id = await window.run_photo(photo)
    stored = await read_keys(window)
    added = {name: sorted({*keys} - {*before[name]}) for name, keys in stored.items()}
    assert (added["results"], added["thumbnails"]) == ([f"{prompt_id}/0"], [f"{prompt_id}/0"])
    assert len(added["inputs"]) == 1
    assert len(added["ledger"]) == 3
    await press_for_result(window.card(prompt_id).locator(".tile").first, "album-ask-delete")
    await expect(window.card(prompt_id)).to_have_count(0)
    assert prompt_id in (await read_keys(window))["tasks"], "it can be undone"
    await window.page.mouse.move(0, 0)  # the notice stays under the pointer
    await expect(window.page.get_by_test_id("undo-deletion")).to_have_count(0)
    await wait_for_js(window.page, "(id) => !windowTasks.some((task) => task.promptId === id)", arg=prompt_id)
    assert await read_keys(window) == before


async def test_only_thumbnails_are_kept_until_all_results_are_deleted(window: MooringWindow, fleet: Fleet) -> None:
    before = (await read_keys(window))["results"]
    dialog = await open_keeping(window)
    await dialog.locator("input[value=thumbnails]").check()
    await dialog.get_by_test_id("save-keeping").click()
    await expect(dialog).to_have_count(0)
    (prompt_id,) = await run_large(window, 1)
    image = result(window, prompt_id, "thumbnail").locator("img")
    await expect_width(image, 384)
    assert (await read_keys(window))["results"] == before
    await image.click()
    large = window.page.get_by_test_id("picture-dialog")
    await large.locator("a[download]").wait_for()
    await expect_width(large.locator(".large-stage img"), 768)  # its server still has it
    assert (await read_keys(window))["results"] == before
    await window.page.keyboard.press("Escape")

    dialog = await open_keeping(window)
    await dialog.locator("input[value=originals]").check()
    await dialog.get_by_test_id("save-keeping").click()
    await expect(dialog).to_have_count(0)
    (second_id,) = await run_large(window, 1)
    await result(window, second_id, "kept").locator("img").wait_for()
    dialog = await open_keeping(window)
    await dialog.get_by_test_id("delete-all").click()
    assert f"{second_id}/0" in (await read_keys(window))["results"], "not before it is confirmed"
    await dialog.get_by_test_id("confirm-delete-all").click()
    await window.page.mouse.move(0, 0)  # the notice stays under the pointer
    await result(window, second_id, "dropped").wait_for()
    await expect(window.card(second_id).get_by_test_id("result-image")).to_have_count(0)
    found = await read_keys(window)
    assert (found["results"], found["thumbnails"], found["ledger"]) == ([], [], [])
    assert {prompt_id, second_id} <= {*found["tasks"]}
    await window.reload()
    await expect(window.card(second_id).get_by_test_id("result-image")).to_have_count(0)


async def test_full_disk_stops_no_run(user: BrowserUser, gateway: Service, fleet: Fleet) -> None:
    """Each run needs its record written. The quota has room for three pictures, and for a tenth of what the
    browser keeps for faster starts."""
    await wait_for_snapshot(gateway.url)
    profile = await user.new_profile()
    await profile.add_init_script("globalThis.mooringKeepAfter = 0")
    devtools = await profile.new_cdp_session(await profile.new_page())
    quota = {"origin": gateway.url, "quotaSize": 1_500_000}
    await devtools.send("Storage.overrideQuotaForOrigin", quota)  # first, since a database in use has its space already
    window = await user.open()
    ids = await run_large(window, 6)
    await result(window, ids[-1], "kept").wait_for()
    await result(window, ids[0], "dropped").wait_for()
    found = await read_keys(window)
    assert sorted(found["tasks"]) == sorted(ids)
    assert len(found["results"]) < 5
    await window.reload()
    for prompt_id in ids:
        assert (await window.task(prompt_id))["state"] == "succeeded"
        await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()


# The adapter alone


SHAPES = """
    import js
    from app.browser import thumbnails
    from app.browser.thumbnails import make_thumbnail
    from tests.ports.browser_database import BrowserDatabase

    class WithoutOffscreen:
        document, createImageBitmap, Promise = js.document, js.createImageBitmap, js.Promise
        Image, URL = js.Image, js.URL

    async def pixels(blob):
        bitmap = await js.createImageBitmap(blob)
        width, height = bitmap.width, bitmap.height
        context = js.OffscreenCanvas.new(width, height).getContext("2d")
        context.drawImage(bitmap, 0, 0)
        return [width, height], bytes(context.getImageData(0, 0, width, height).data.to_py())

    thumbnails.js = js if has_offscreen else WithoutOffscreen
    database, found = BrowserDatabase("shapes"), []
    for width, height in sizes:
        blob = (await database.picture(width, height)).js
        small = await make_thumbnail(blob)
        (size, _), = [await pixels(small)]
        found.append([size, small.type, small.size < blob.size])
    opaque = js.OffscreenCanvas.new(64, 48)
    pen = opaque.getContext("2d")
    pen.fillStyle = "#2f6f4f"
    pen.fillRect(0, 0, 64, 48)
    pen.fillStyle = "#c98b4a"
    pen.fillRect(7, 5, 31, 17)
    blob = await opaque.convertToBlob()
    exact = await pixels(await make_thumbnail(blob)) == await pixels(blob)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600"><rect width="800" height="600"/></svg>'
    drawn, _ = await pixels(await make_thumbnail(js.Blob.new(js.Array.of(drawing))))
    nothing = await make_thumbnail(js.Blob.new(js.Array.of("no picture")))
    thumbnails.js = js
    return [found, exact, drawn, nothing]
"""
SIZES = {
    (1600, 900): [384, 216],
    (600, 1200): [192, 384],
    (384, 10): [384, 10],
    (40, 30): [40, 30],
    (4000, 2): [384, 1],
}


@pytest.mark.parametrize("has_offscreen", [True, False], ids=["offscreen", "no-offscreen"])
async def test_thumbnail_is_a_webp_of_at_most_384_pixels(python: Page, has_offscreen: bool) -> None:
    sizes = [list(size) for size in SIZES]
    found, exact, drawn, nothing = await run_python(python, SHAPES, sizes=sizes, has_offscreen=has_offscreen)
    assert [item[0] for item in found] == list(SIZES.values())
    assert {item[1] for item in found} == {"image/webp"}
    assert found[0][2]
    assert exact, "a small picture loses nothing"
    assert drawn == [384, 288], "an SVG file"
    assert nothing is None


async def test_store_of_the_first_version_keeps_its_data(python: Page) -> None:
    body = """
        import js
        from app.browser.idb import Database
        from app.browser.store import BrowserStore
        from app.browser.values import js_object, plain
        from tests.ports import database
        from tests.ports.browser_database import BrowserDatabase, delete_database

        def first_version(transaction, _old):
            database = transaction.db
            database.createObjectStore("windows", js_object({"keyPath": "window_id"}))
            tasks = database.createObjectStore("tasks", js_object({"keyPath": "prompt_id"}))
            for name, path in (("owner", "owner"), ("server", "server_id"), ("unfinished", "unfinished")):
                tasks.createIndex(name, path)
            reservations = database.createObjectStore("reservations", js_object({"keyPath": "prompt_id"}))
            reservations.createIndex("window", "window_id")
            database.createObjectStore("results")
            database.createObjectStore("inputs")
            database.createObjectStore("ledger", js_object({"keyPath": "name"})).createIndex("kind", "kind")

        def fill(transaction):
            blob = js.Blob.new(js.Array.of("bytes"), js_object({"type": "image/png"}))
            transaction.objectStore("results").put(js_object({"blob": blob, "at": 5.0}), "p-0/0")
            line = plain({"name": "p-0/0", "kind": "results", "size": 5, "at": 5.0})
            yield transaction.objectStore("ledger").put(line)

        old = Database("old", 1, first_version)
        await old.run("fill", ["results", "ledger"], fill, write=True)
        old.close()
        store = BrowserStore("old")
        kept = await store.read_result("p-0", 0)
        usage = await store.usage()
        done = await database.ended(store, "p-1")
        small = await store.keep_thumbnail(done, 0, await BrowserDatabase("old").picture(40, 30), 6.0)
        await store.delete_results()
        left = await database.kept_of(store)
        store.close()
        await delete_database("old")
        return [(await kept.blob.read()).decode(), usage.count, usage.size, small, len(left)]
    """
    assert await run_python(python, body) == ["bytes", 1, 5, True, 0]


OLDER = """
    from app.browser.store import BrowserStore
    from app.core.ports.blobs import KeepSettings
    from tests.ports import database
    from tests.ports.browser_database import BrowserDatabase, delete_database

    place = BrowserDatabase("sums")
    store, other = place.store(), place.store()
    done = await database.ended(store, "p-1")
    for index in range(4):
        await store.keep_result(done, index, place.blob(bytes(1000)), 40.0 + index)

    def as_an_older_page_does(transaction):
        transaction.objectStore("results").delete("p-1/3")
        yield transaction.objectStore("ledger").delete("p-1/3")

    known = (await store.usage()).size, (await other.usage()).size
    await store.database.run("older", ["results", "ledger"], as_an_older_page_does, write=True)
"""


async def test_new_window_knows_deletions_of_an_older_page(python: Page) -> None:
    body = f"""{OLDER}
    sizes = (await store.usage()).size, (await place.store().usage()).size, (await other.usage()).size
    await place.clear()
    return [known, sizes]
    """
    assert await run_python(python, body) == [[4000, 4000], [4000, 3000, 3000]]


async def test_deletion_by_an_older_page_drops_nothing_else(python: Page) -> None:
    body = f"""{OLDER}
    await store.write_settings(KeepSettings(4000))
    await store.keep_result(done, 4, place.blob(bytes(1000)), 50.0)
    there = await database.kept_of(store)
    sizes = (await store.usage()).size, (await other.usage()).size
    await place.clear()
    return [sorted(index for _, index in there), sizes]
    """
    assert await run_python(python, body) == [[0, 1, 2, 4], [4000, 4000]]
