"""A model that a workflow lacks is downloaded by the server, at the user's request, and then the workflow runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.test_open_workflow import PASTE
from tests.editor.drawing import Drawing
from tests.kit.browser.windows import BrowserUser
from tests.kit.services import Service, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

MODEL = "street.safetensors"
SOURCE = f"https://models.example/org/street/resolve/main/{MODEL}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a gateway for a server that downloads slowly, and for a quick one."""
    with (
        start_demo("--downloads", "--step-seconds", "5", data=tmp_path_factory.mktemp("slow")) as slow,
        start_demo("--downloads", "--step-seconds", "0.05", data=tmp_path_factory.mktemp("quick")) as quick,
    ):
        servers = {"slow": slow, "quick": quick}
        tables = [f'[[server]]\nid = "{name}"\nurl = "{server.url}"\n' for name, server in servers.items()]
        fleet = tmp_path_factory.mktemp("fleet") / "fleet.toml"
        fleet.write_text("\n".join([*tables, '[gateway]\nmodel_hosts = ["models.example"]\n']))
        with start_gateway("--fleet", str(fleet)) as service:
            yield service


def make_file() -> dict[str, Any]:
    """Return an editor's file whose author names the source of its model."""
    draw = Drawing()
    draw.node(1, "EmptyImage", [64, 64, 1, 0x808080])
    draw.node(2, "DemoModel", [MODEL], image=(1, 0))
    draw.node(3, "SaveImage", ["tinted"], images=(2, 0))
    file = draw.file()
    node = next(node for node in file["nodes"] if node["id"] == 2)
    node["properties"] = {"models": [{"name": MODEL, "url": SOURCE, "directory": "checkpoints"}]}
    return file


async def test_missing_model_is_downloaded_and_the_workflow_runs(user: BrowserUser) -> None:
    window = await user.open()
    page = window.page
    await page.evaluate(PASTE, json.dumps(make_file()))
    summary, download = page.locator("[data-testid=standing] summary"), page.get_by_test_id("download")
    offers = page.get_by_test_id("ask-download")
    await expect(summary).to_have_text(f"No server can run this; slow and quick lack the model {MODEL}")
    await summary.click()
    await expect(page.get_by_role("link", name=SOURCE)).to_have_attribute("rel", "noopener noreferrer")
    await offers.filter(has_text="slow").click()
    await expect(page.get_by_test_id("download-source")).to_have_text(SOURCE)
    await page.get_by_test_id("confirm-download").click()
    await expect(download).to_contain_text("of 2 MB on slow")
    await page.reload()
    await summary.click()
    await expect(download).to_have_attribute("data-status", "running")
    await page.get_by_test_id("cancel-download").click()
    await expect(download).to_have_count(0)
    await expect(offers).to_have_count(2)

    await offers.filter(has_text="quick").click()
    await page.get_by_test_id("confirm-download").click()
    await expect(summary).to_have_text(f"Runs on quick; slow lacks the model {MODEL}")
    await expect(download).to_have_count(0)
    task = await window.wait_for(await window.press_run())
    assert (task["state"], task["executionServer"]) == ("succeeded", "quick")
