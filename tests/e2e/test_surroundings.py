"""Mooring where things are not as they should be: no secure context, no store, no server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_promises import drop_and_run
from tests.e2e.window_kit import Desk, MooringWindow, a_photo, quick_workflow, slow_workflow
from tests.services import Service, free_ports, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """A gateway that people reach as http://studio.lan: no secure context, so no Web Locks and no crypto.subtle."""
    with start_demo("--step-seconds", "0.1", data=tmp_path / "a") as a:
        fleet = tmp_path / "fleet.toml"
        fleet.write_text(f'[gateway]\nnames = ["studio.lan"]\n\n[[server]]\nid = "a"\nurl = "{a.url}"\n', "utf-8")
        with start_gateway("--fleet", str(fleet), port=free_ports()) as gateway:
            yield gateway, f"http://studio.lan:{gateway.port}"


async def test_main_job_where_the_page_is_no_secure_context(studio: tuple[Service, str], tmp_path: Path) -> None:
    _, base = studio
    async with Desk(base, flags=[STUDIO]) as desk:
        window = await desk.open()
        assert await window.page.evaluate("() => [isSecureContext, 'locks' in navigator]") == [False, False]
        prompt_id = await drop_and_run(window, a_photo(tmp_path))
        assert (await window.wait_for(prompt_id))["state"] == "succeeded"
        await window.page.get_by_test_id("result-image").first.wait_for()
        await window.check()


async def test_identity_without_web_locks(studio: tuple[Service, str]) -> None:
    _, base = studio
    async with Desk(base, flags=[STUDIO]) as desk:
        window = await desk.open()
        prompt_id = await window.submit(slow_workflow(100))
        before = await window.facts()
        async with desk.context.expect_page() as opened:
            await window.page.evaluate("() => void window.open(location.href)")
        twin = MooringWindow(await opened.value)
        await twin.ready()
        assert (await twin.facts())["windowId"] != before["windowId"]
        assert (await twin.facts())["tasks"] == []
        await window.reload()
        assert (await window.facts())["windowId"] == before["windowId"]
        assert (await window.wait_for(prompt_id))["state"] == "succeeded"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """A gateway with one server."""
    with start_demo(data=tmp_path / "a") as a, start_gateway("--server", f"a={a.url}") as gateway:
        yield gateway, a


async def test_a_store_that_cannot_be_opened_refuses_to_run_with_the_cause(alone: tuple[Service, Service]) -> None:
    gateway, _ = alone
    async with Desk(gateway.url) as desk:
        await desk.context.add_init_script(
            "const open = IDBFactory.prototype.open; IDBFactory.prototype.open = function (name, version) {"
            " if (name === 'mooring') throw new DOMException('denied', 'SecurityError');"
            " return open.call(this, name, version); };"
        )
        page = await desk.context.new_page()
        await page.goto(f"{gateway.url}/")
        await page.get_by_test_id("notice").first.wait_for()
        assert "StorageError" in await page.evaluate(
            "(w) => mooring.submitWorkflow(w).then(() => 'sent', (error) => error.name)", quick_workflow()
        )


async def test_no_server_at_all_is_told_with_each_cause(alone: tuple[Service, Service]) -> None:
    gateway, server = alone
    async with Desk(gateway.url) as desk:
        desk.expected.append("Failed to load resource")
        window = await desk.open()
        server.kill()
        error = await window.page.evaluate(
            "(w) => mooring.submitWorkflow(w).then(() => null, (e) => ({name: e.name, causes: e.causes}))",
            quick_workflow(),
        )
        assert error["name"] == "NoServerAvailable"
        assert list(error["causes"]) == ["a"]
        assert (await window.facts())["lockedServer"] is None
