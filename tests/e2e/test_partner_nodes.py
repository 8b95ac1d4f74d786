"""Work that uses credits is marked and confirmed in the page, which receives no piece of the key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Error, Response, WebSocket, expect

from gateway.fleet.partner_rules import PartnerRules
from gateway.http.secret import Secret
from tests.kit.browser.windows import BrowserUser, press_in_menu
from tests.kit.gateways import Running, open_gateway, until
from tests.kit.partner_server import PartnerServer, partner_prompt, serve_partner

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

KEY = "comfyui-3f9c2e71d05ab84466e1"


@pytest_asyncio.fixture(loop_scope="session")
async def partner() -> AsyncIterator[PartnerServer]:
    """A server with a partner node."""
    async with serve_partner() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(partner: PartnerServer, tmp_path: Path) -> AsyncIterator[Running]:
    """A gateway with a key for it, at which `user` works."""
    (tmp_path / "Hills far away.json").write_text(json.dumps(partner_prompt()))
    rules = PartnerRules((), Secret(KEY))
    async with open_gateway({"a": partner.url}, partner=rules, workflows=tmp_path, probe_well=1.0) as running:
        yield running


async def test_several_runs_are_confirmed_and_the_page_receives_no_key(
    user: BrowserUser, partner: PartnerServer
) -> None:
    page = (await user.open()).page
    answers: list[Response] = []
    frames: list[str | bytes] = []

    def keep_answer(answer: Response) -> None:
        answers.append(answer)

    def keep_frame(frame: str | bytes) -> None:
        frames.append(frame)

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", keep_frame)

    page.on("response", keep_answer)
    page.on("websocket", listen)
    await press_in_menu(page.locator(".pick", has_text="Hills far away"))
    await expect(page.get_by_test_id("uses-credits")).to_be_visible()
    await page.locator("#run-count").fill("2")
    await page.get_by_test_id("run").click()
    await expect(page.get_by_test_id("credits-dialog")).to_be_visible()
    assert partner.bodies == []
    partner.shows = {"error"}
    await page.get_by_test_id("confirm-credits").click()
    await until(lambda: partner.keys == [KEY, KEY])
    await until(lambda: any(b"execution_error" in _bytes(frame) for frame in frames))
    bodies = [_bytes(frame) for frame in frames]
    for answer in answers:
        try:
            bodies.append(await answer.body())
        except Error:  # it has none, or was cancelled
            continue
    assert any(b"*" * len(KEY) in body for body in bodies), "the server has shown it"
    assert not [body for body in bodies if KEY[8:18].encode() in body or KEY[-10:].encode() in body]


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
