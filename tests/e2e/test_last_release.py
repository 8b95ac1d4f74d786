"""A browser with what an earlier release has stored: today's page shows its results and sends its waiting runs.

`databases/0.1.0.json` was read from a browser in which 0.1.0 (f8fe9fd8, `serve.py --demo 2`) had finished a run, and
held a paused line that two sessions sent from. Its journals and four more finished runs of that line were left
out, and their sizes were subtracted from the sums of the stored results.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.browser_kit import BARE, wait_for_js
from tests.e2e.window_kit import BrowserUser, MooringWindow
from tests.services import Service, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

DATABASES = Path(__file__).parent / "databases"
ITEM = "[data-testid=waiting-item][data-state=waiting]"
# Make the database as it was, and the tab's storage, before any script of the page runs.
FILL = """async ({ name, version, stores, session }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const revive = (_key, value) => (value?.$blob ? new Blob([bytes(value.$blob)], { type: value.type }) : value);
  await new Promise((resolve, reject) => {
    const open = indexedDB.open(name, version);
    open.onupgradeneeded = () => {
      for (const { name, keyPath, autoIncrement, indexes, rows } of stores) {
        const store = open.result.createObjectStore(name, { keyPath, autoIncrement });
        for (const { name, keyPath, ...options } of indexes) store.createIndex(name, keyPath, options);
        for (const [value, key] of rows) store.put(JSON.parse(JSON.stringify(value), revive), key);
      }
    };
    open.onsuccess = () => { open.result.close(); resolve(); };
    open.onerror = () => reject(open.error);
  });
  for (const [key, value] of Object.entries(session)) sessionStorage.setItem(key, value);
}"""
READ_LARGE = """async (picture) => {
  const bytes = new Uint8Array(await (await fetch(picture.src)).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""
HAVE_SUCCEEDED = """(ids) => ids.every((id) => {
  const task = windowTasks.find(({ promptId }) => promptId === id);
  return task?.state === "succeeded" && task.outputs[0].delivery === "kept";
})"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Service]:
    """A gateway with servers of the same names."""
    with start_gateway(demo=2) as service:
        yield service


def rows_of(database: dict[str, Any], name: str) -> list[list[Any]]:
    """Return the rows of a store, each a value and its key if that is not in it."""
    return next(list(store["rows"]) for store in database["stores"] if store["name"] == name)


@pytest.mark.parametrize("release", ["0.1.0"])
async def test_work_of_an_earlier_release_continues(user: BrowserUser, release: str) -> None:
    stored = json.loads((DATABASES / f"{release}.json").read_text(encoding="utf-8"))
    [[task]], waiting = rows_of(stored, "tasks"), [row["prompt_id"] for [row] in rows_of(stored, "waiting")]
    [[picture, _key]] = rows_of(stored, "results")
    window = await MooringWindow.open(await user.new_profile(), f"{user.base}{BARE}")
    page = window.page
    await page.evaluate(FILL, stored)
    await page.goto(user.base)
    await window.ready()
    await window.card(task["prompt_id"], "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()
    large = await window.open_large(task["prompt_id"])
    assert base64.b64decode(await large.evaluate(READ_LARGE)) == base64.b64decode(picture["blob"]["$blob"])
    await window.close_large()
    items = page.locator(ITEM)
    await expect(items).to_have_count(len(waiting))
    assert await items.evaluate_all("(items) => items.map((item) => item.dataset.promptId)") == waiting
    await page.locator("[data-testid=line-resume]").click()
    await page.mouse.move(0, 0)  # the rows stay in place under the pointer
    await wait_for_js(page, HAVE_SUCCEEDED, arg=waiting)
    await expect(page.locator("#waiting")).to_be_empty()
    await window.check()
