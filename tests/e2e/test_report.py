"""The report of a window in a real browser: its content, its survival of a reload, and its replay."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import slow_workflow
from tests.simulation.replay import replay_bundle

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

TEXT = "an unspoken harbour at dawn"

# The journal of this window in IndexedDB.
KEPT = """new Promise((done, fail) => {
  const opening = indexedDB.open("mooring");
  opening.onerror = () => fail(opening.error);
  opening.onsuccess = () => {
    const database = opening.result;
    const windowId = sessionStorage.getItem("mooring.window");
    const asked = database.transaction("journals").objectStore("journals").get(windowId);
    asked.onsuccess = () => { database.close(); done(asked.result?.text ?? ""); };
    asked.onerror = () => fail(asked.error);
  };
})"""


async def report_of(window: MooringWindow, **options: Any) -> dict[str, Any]:
    return dict(await window.call("mooring.debugBundle(a[0])", options))


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8")))


def kinds(report: dict[str, Any]) -> list[str]:
    return [entry["facts"].get("evidence", entry["kind"]) for entry in report["journal"]["entries"]]


async def test_report_replays_omits_the_prompt_and_survives_reload(user: BrowserUser, photo: Path) -> None:
    window = await user.open()
    await window.run_photo(photo)
    prompt_id = await window.submit(slow_workflow(steps=5, text=TEXT), title=TEXT)
    await window.wait_for(prompt_id)
    report = await report_of(window)
    text = json.dumps(report, ensure_ascii=False)
    assert TEXT not in text
    assert photo.stem not in text
    assert "clientId" not in text
    assert report["windowId"] == (await window.facts())["windowId"]
    assert report["page"]["userAgent"]
    assert {"claimed", "restored", "reserved", "uploaded", "registered", "submitting"} <= {*kinds(report)}
    assert {"Accepted", "Finished", "delivered"} <= {*kinds(report)}
    assert [task["state"] for task in report["tasks"]] == ["succeeded", "succeeded"]
    replayed = replay_bundle(report)
    assert replayed.problems == []
    assert replayed.judged >= 4
    assert not replayed.skipped
    assert TEXT in json.dumps(await report_of(window, prompts=True))

    await window.page.get_by_test_id("open-settings").click()
    async with window.page.expect_download() as saving:
        await window.page.locator("[data-shell=report]:visible").click()
    download = await saving.value
    assert download.suggested_filename.startswith("mooring-report-")
    saved = read(await download.path())
    assert (saved["windowId"], saved["hasPrompts"]) == (report["windowId"], False)

    while '"Finished"' not in await window.call(KEPT):  # noqa: ASYNC110 - IndexedDB has no event
        await asyncio.sleep(0.1)
    await window.reload()
    await wait_for_js(
        window.page,
        "async () => (await mooring.debugBundle()).journal.entries.filter((it) => it.kind === 'claimed').length === 2",
    )
    later = await report_of(window)
    events = kinds(later)
    assert events.index("Finished") < len(events) - 1 - events[::-1].index("claimed")
    assert replay_bundle(later).problems == []

    finished = next(entry for entry in report["journal"]["entries"] if entry["facts"].get("evidence") == "Finished")
    finished["facts"]["now"] = "failed"
    assert replay_bundle(report).problems
