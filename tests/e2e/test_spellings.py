"""One fleet of a server that writes paths as Windows does and of one that does not: each is sent its own spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.test_open_workflow import PASTE
from tests.editor.drawing import Drawing
from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import ask_server
from tests.kit.services import Service, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

MODEL = "night/deep/black.safetensors"
SPELLINGS = {"windows": MODEL.replace("/", "\\"), "linux": MODEL}
PLACES = {"windows": "by day\\two", "linux": "by day/two"}


@pytest.fixture(scope="module")
def spelling_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    with (
        start_demo("--paths", "windows", data=tmp_path_factory.mktemp("windows")) as windows,
        start_demo(data=tmp_path_factory.mktemp("linux")) as linux,
    ):
        yield {"windows": windows, "linux": linux}


@pytest.fixture(scope="module")
def gateway(spelling_servers: dict[str, Service]) -> Iterator[Service]:
    flags = [flag for name, server in spelling_servers.items() for flag in ("--server", f"{name}={server.url}")]
    with start_gateway(*flags) as service:
        yield service


def make_file() -> dict[str, Any]:
    """Return a file of the editor by an author whose server writes slashes."""
    draw = Drawing()
    draw.node(1, "EmptyImage", [64, 64, 1, 0x808080])
    draw.node(2, "DemoModel", [MODEL], image=(1, 0))
    draw.node(3, "SaveImage", ["by day/two/tinted"], images=(2, 0))
    return draw.file()


async def test_each_server_is_sent_its_own_spelling(user: BrowserUser, spelling_servers: dict[str, Service]) -> None:
    window = await user.open()
    page = window.page
    await page.evaluate(PASTE, json.dumps(make_file()))
    await expect(page.locator("#field-2-ckpt_name")).to_have_value(SPELLINGS["windows"])
    await expect(page.locator("[data-testid=standing] summary")).to_have_text("Runs on windows and linux")

    async def check(prompt_id: str, name: str) -> None:
        (output,) = (await window.wait_for(prompt_id))["outputs"]
        assert (output["subfolder"], output["delivery"]) == (PLACES[name], "kept")
        _, _, prompt, extra, _ = (await ask_server(spelling_servers[name], f"/history/{prompt_id}"))[prompt_id][
            "prompt"
        ]
        assert prompt["2"]["inputs"]["ckpt_name"] == SPELLINGS[name]
        nodes = {node["id"]: node["widgets_values"] for node in extra["extra_pnginfo"]["workflow"]["nodes"]}
        assert (nodes[2], nodes[3]) == ([MODEL], ["by day/two/tinted"]), "as its author wrote it"

    for name in spelling_servers:
        await page.locator("#where").select_option(name)
        prompt_id = await window.press_run()
        await check(prompt_id, name)
    again = await window.call("mooring.runAgain(a[0], {elsewhere: true})", prompt_id)
    await check(again, "windows")
