"""What each server lacks is shown before a run, with demo servers that differ.

They differ by a picture that only some of them have, as a choice of an input.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Route, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.module_gateways import a_gateway
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ALL = ("demo-1", "demo-2", "demo-3")

gateway = a_gateway(demo=3)  # its own, since they get pictures


def make_workflow(name: str) -> dict[str, Any]:
    """Return a workflow that enlarges a picture of the server."""
    inputs = {"image": ["1", 0], "upscale_method": "bilinear", "width": 64, "height": 64, "crop": "disabled"}
    return {
        "v": 1,
        "title": "From the server",
        "about": "",
        "needs": "",
        "fields": [{"node": "1", "input": "image", "kind": "picture", "label": "Photo"}],
        "workflow": {
            "1": {"class_type": "LoadImage", "inputs": {"image": name}, "_meta": {"title": "Harbour"}},
            "2": {"class_type": "ImageScale", "inputs": inputs},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mooring"}},
        },
    }


async def open_form(user: BrowserUser, name: str) -> MooringWindow:
    """Open a window with that workflow."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow(name)))

    profile = await user.new_profile()
    await profile.route("**/static/workflows/enlarge.json", answer)
    window = await user.open()
    await wait_for_js(window.page, "() => mooring.fleet().servers.every((server) => server.catalogue)")
    await window.choose_sample("enlarge")
    return window


async def put_picture(gateway: Service, server_id: str, picture: bytes, name: str) -> None:
    """Put a picture onto a server as another client does, without a new probe."""
    async with aiohttp.ClientSession() as session:
        form = aiohttp.FormData()
        form.add_field("image", picture, filename=name, content_type="image/png")
        async with session.post(f"{gateway.url}/servers/{server_id}/upload/image", data=form) as answer:
            assert answer.status == 200, await answer.text()


def availability_of(window: MooringWindow) -> Locator:
    """Return the line that says where the workflow can run."""
    return window.page.locator("[data-testid=standing] summary")


async def test_missing_inputs_are_shown_before_a_run(user: BrowserUser, gateway: Service, photo: Path) -> None:
    picture = await asyncio.to_thread(photo.read_bytes)
    window = await open_form(user, "Harbour.png")
    page, run = window.page, window.page.get_by_test_id("run")
    await expect(availability_of(window)).to_have_text("Runs on demo-1, demo-2 and demo-3")
    await expect(page.locator(".fault")).to_have_text(
        "No server has the picture “Harbour.png”. Put the picture in again."
    )
    await expect(run).to_be_disabled()
    await expect(page.locator("#run-words")).to_contain_text("Put the picture in again")
    await check_axe(page)

    await window.choose_sample("slow")
    async with paused(*demo_servers(gateway)):
        slow = await window.submit(slow_workflow())
        await window.card(slow, "running").wait_for()
        moored = str((await window.facts())["lockedServer"])
        first, second = (name for name in ALL if name != moored)
        await put_picture(gateway, first, picture, "harbour.png")
        await window.choose_sample("enlarge")
        await availability_of(window).click()
        await page.get_by_test_id("look-at-catalogues").click()
        await expect(availability_of(window)).to_contain_text(f"{moored}, which this window uses, lacks “Harbour.png”")
        await expect(page.locator("#run-words")).to_contain_text("open another window")
        await expect(run).to_be_disabled()
        await page.get_by_test_id("use-near").click()
        await expect(availability_of(window)).to_contain_text(f"Runs on {first};")
        await expect(page.locator("[data-testid=standing]")).to_have_attribute("open", "")
        await page.get_by_role("link", name="Open another window").focus()
        await check_axe(page)

        await window.press_cancel(slow)
    others = " and ".join(sorted((moored, second)))
    await expect(availability_of(window)).to_have_text(f"Runs on {first}; {others} lack “harbour.png”")
    await put_picture(gateway, second, picture, "harbour.png")
    await page.get_by_test_id("look-at-catalogues").click()
    await expect(availability_of(window)).to_have_text(
        f"Runs on {' and '.join(sorted((first, second)))}; {moored} lacks “harbour.png”"
    )
    prompt_id = await window.press_run()
    await window.card(prompt_id, "succeeded").wait_for()
    assert (await window.task(prompt_id))["executionServer"] in (first, second)
    listed = "(path) => fetch(`/servers/${path}`).then(async (answer) => [answer.status, await answer.text()])"
    server_id = (await window.task(prompt_id))["executionServer"]
    status, names = await page.evaluate(listed, f"{server_id}/internal/files/output")
    assert (status, [name.startswith("mooring_") for name in json.loads(names)]) == (200, [True])
    user.watch.expected.append("404")
    assert (await page.evaluate(listed, f"{server_id}/internal/files/input"))[0] == 404


async def test_arriving_picture_is_noticed_and_an_upload_is_copied(
    user: BrowserUser, gateway: Service, photo: Path
) -> None:
    window = await open_form(user, "Late.png")
    fault = window.page.locator(".fault")
    await expect(fault).to_contain_text("Put the picture in again.")
    await put_picture(gateway, "demo-2", await asyncio.to_thread(photo.read_bytes), "Late.png")
    await expect(fault).to_have_count(0)
    await expect(availability_of(window)).to_contain_text("Runs on demo-2")
    prompt_id = await window.press_run()
    await window.card(prompt_id, "succeeded").wait_for()
    assert (await window.task(prompt_id))["executionServer"] == "demo-2"

    await window.put_picture(photo)
    await window.page.get_by_test_id("where").select_option("demo-1")
    first = await window.press_run()
    await window.card(first, "succeeded").wait_for()
    history = await window.call("mooring.getTaskHistory(a[0])", first)
    name = history[first]["prompt"][2]["1"]["inputs"]["image"]

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow(name)))

    await window.page.context.route("**/static/workflows/enlarge.json", answer)
    other = await user.open()
    await other.choose_sample("enlarge")
    await expect(availability_of(other)).to_have_text("Runs on demo-1, demo-2 and demo-3")
    await other.page.get_by_test_id("where").select_option("demo-2")
    second_id = await other.press_run()
    await other.card(second_id, "succeeded").wait_for()
    assert (await other.task(second_id))["executionServer"] == "demo-2"
