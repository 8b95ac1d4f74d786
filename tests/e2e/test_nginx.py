"""The page in a real Chromium, with a real nginx and two gateways between it and the servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.fault_kit import BROKEN_NETWORK
from tests.e2e.test_team import enter
from tests.e2e.window_kit import BrowserUser, MooringWindow, open_user
from tests.e2e.work_kit import a_photo, runs_of, slow_workflow
from tests.integration.studio import write_users
from tests.nginx_kit import find_nginx, judge, start_nginx
from tests.services import ROOT, Service, free_ports, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

WELL = {"registered", "submitting", "queued", "running", "succeeded"}
SEE_STATES = """() => {
  globalThis.seen = new Set();
  setInterval(() => windowTasks.forEach((task) => seen.add(task.state)), 20);
}"""


@dataclass
class House:
    """nginx at `url`, two gateways behind it, and the servers behind those."""

    url: str
    gateways: list[Service]
    servers: dict[str, Service]


@contextlib.contextmanager
def start_house(folder: Path, *, has_people: bool = False) -> Iterator[House]:
    """All of it, from one fleet file, as docs/behind-nginx.md has it."""
    find_nginx()
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(start_demo("--step-seconds", "0.1", data=folder / name)) for name in ("a", "b")
        }
        port = free_ports(3)
        url, fleet, users = f"http://127.0.0.1:{port}", folder / "fleet.toml", folder / "users.toml"
        rows = "".join(f'[[server]]\nid = "{name}"\nurl = "{server.url}"\n' for name, server in servers.items())
        fleet.write_text(f'{rows}[gateway]\nnames = ["{url}"]\nproxies = ["127.0.0.1"]\n', encoding="utf-8")
        flags = ["--fleet", str(fleet)]
        if has_people:
            write_users(users)
            flags += ["--users", str(users)]
        gateways = [stack.enter_context(start_gateway(*flags, port=port + 1 + number)) for number in range(2)]
        behind = ",".join(gateway.url.removeprefix("http://") for gateway in gateways)
        words = [*flags, "--port", str(port), "--export", str(folder / "out"), "--gateways", behind]
        told = subprocess.run(
            [sys.executable, "-m", "gateway", *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert f"People open {url}/" in told.stdout and "Warning" not in told.stdout, told.stdout
        assert judge(folder / "out") == ""
        stack.enter_context(start_nginx(folder / "out", port))
        yield House(url, gateways, servers)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with start_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def user(browser: Browser, house: House) -> AsyncIterator[BrowserUser]:
    """A user at nginx."""
    async with open_user(browser, house.url) as opened:
        yield opened


async def expect_home(window: MooringWindow, house: House, prompt_id: str) -> None:
    """A task has ended well, ran once, on its own server, and its picture is here."""
    task = await window.wait_for(prompt_id)
    assert task["state"] == "succeeded"
    for server_id, server in house.servers.items():
        assert await runs_of(server, prompt_id) == (server_id == task["executionServer"])
    await window.card(prompt_id, "succeeded").locator("[data-testid=result][data-delivery=kept] img").first.wait_for()
    await window.check()


async def test_main_job_in_two_windows_through_nginx(user: BrowserUser, house: House, tmp_path: Path) -> None:
    windows = [await user.open(), await user.open()]
    started = await windows[0].page.evaluate("performance.getEntriesByName('mooring-python')[0].detail")
    assert started == "restored", "the memory snapshot is one of nginx's files"
    ids = await asyncio.gather(*(window.send_photo(a_photo(tmp_path, number)) for number, window in enumerate(windows)))
    for window, prompt_id in zip(windows, ids, strict=True):
        await expect_home(window, house, prompt_id)
        await window.open_large(prompt_id)
        await window.close_large()


async def test_a_reload_in_mid_run_through_nginx_is_heard(user: BrowserUser, house: House) -> None:
    window = await user.open()
    prompt_id = await window.submit(slow_workflow(60))
    await window.wait_state(prompt_id, "running")
    await window.reload()
    await window.page.wait_for_function(
        "(id) => document.querySelector(`[data-prompt-id='${id}'] progress`)?.value > 0", arg=prompt_id
    )
    assert (await window.call("debugWebSocketLock()"))["webSocket"]["state"] == "open"
    await expect_home(window, house, prompt_id)


async def begin(window: MooringWindow) -> str:
    """Work that takes long enough, with its line open and its states looked at."""
    prompt_id = await window.submit(slow_workflow(120))
    await window.page.wait_for_function("() => debugWebSocketLock().webSocket.state === 'open'")
    await window.page.evaluate(SEE_STATES)
    return prompt_id


async def lines_of(gateway: Service) -> int:
    """How many windows' lines a gateway carries."""
    async with aiohttp.request("GET", f"{gateway.url}/metrics") as reply:
        found = re.search(r'^mooring_open\{kind="lines"\} ([0-9.]+)$', await reply.text(), re.MULTILINE)
    return 0 if found is None else int(float(found[1]))


async def ask_on(house: House, statuses: list[int]) -> None:
    """Somebody who asks gateways and servers all the time."""
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{house.url}/fleet") as reply:
            bases = [server["base"] for server in (await reply.json())["servers"]]
        paths = ["/fleet", "/fleet/loads", *(f"{base}/queue" for base in bases)]
        while True:
            for path in paths:
                async with http.get(f"{house.url}{path}", headers={"Accept": "*/*"}) as reply:
                    statuses.append(reply.status)
                await asyncio.sleep(0.04)  # two hundred a second in all: nginx's own limit is a thousand


async def test_a_gateway_killed_in_mid_run_under_load_is_noticed_by_no_task(browser: Browser, tmp_path: Path) -> None:
    with start_house(tmp_path) as house:  # of its own: it is not whole afterwards
        async with open_user(browser, house.url) as user:
            user.watch.expected += BROKEN_NETWORK
            windows = [await user.open() for _ in range(3)]
            ids = await asyncio.gather(*(begin(window) for window in windows))
            statuses: list[int] = []
            askers = [asyncio.create_task(ask_on(house, statuses)) for _ in range(8)]
            while len(statuses) < 50:  # noqa: ASYNC110 - the load is under way
                await asyncio.sleep(0.01)
            counts = [await lines_of(gateway) for gateway in house.gateways]
            assert sum(counts) == len(windows)
            house.gateways[counts.index(max(counts))].kill()
            after = len(statuses)
            for window, prompt_id in zip(windows, ids, strict=True):
                await expect_home(window, house, prompt_id)
            for asker in askers:
                assert not asker.done(), "no connection broke"
                asker.cancel()
            assert len(statuses) > after and set(statuses) == {200}, (
                "what one gateway left unanswered, the other answered"
            )
            seen = {state for window in windows for state in await window.page.evaluate("() => [...seen]")}
            assert seen <= WELL, seen
            reconnects = [(await window.call("debugWebSocketLock()"))["reconnects"] for window in windows]
            assert sum(count > 0 for count in reconnects) >= max(counts), json.dumps(reconnects)


async def test_a_person_works_through_nginx(browser: Browser, tmp_path: Path) -> None:
    with start_house(tmp_path, has_people=True) as house:
        async with open_user(browser, house.url) as user:
            user.watch.expected += [r"status of 401"]
            window = await enter(await user.new_profile(), house.url, "alice")
            prompt_id = await window.run_photo(a_photo(tmp_path))
            await expect_home(window, house, prompt_id)
            address = await window.call("mooring.getTaskBoundImageUrl(a[0])", prompt_id)
            async with aiohttp.request("GET", f"{house.url}{address}") as reply:
                assert reply.status == 401, "an address alone opens nothing"
