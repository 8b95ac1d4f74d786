"""The page in a real Chromium behind nginx and two gateways."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.test_team import open_logged_in
from tests.kit.browser.faults import BROKEN_NETWORK, until
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import make_photo, paused, runs_of, slow_workflow
from tests.kit.nginx import find_errors, find_nginx, start_nginx
from tests.kit.services import ROOT, Service, free_ports, start_demo, start_gateway
from tests.kit.studio import write_users

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

WELL = {"registered", "submitting", "queued", "running", "succeeded"}
SEE_STATES = """() => {
  globalThis.seen = new Set();
  setInterval(() => windowTasks.forEach((task) => seen.add(task.state)), 20);
}"""


@dataclass
class Setup:
    """nginx at `url`, two gateways behind it, and their servers."""

    url: str
    gateways: list[Service]
    servers: dict[str, Service]
    start_gateway: Callable[[int], Service]

    def repair(self) -> None:
        """Start a gateway that was killed, at its port."""
        self.gateways = [
            gateway if gateway.process.poll() is None else self.start_gateway(gateway.port) for gateway in self.gateways
        ]


@contextlib.contextmanager
def start_setup(folder: Path, *, has_people: bool = False) -> Iterator[Setup]:
    """Start everything with one fleet file, as docs/behind-nginx.md describes."""
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

        def start(gateway_port: int) -> Service:
            return stack.enter_context(start_gateway(*flags, port=gateway_port))

        gateways = [start(port + 1), start(port + 2)]
        behind = ",".join(gateway.url.removeprefix("http://") for gateway in gateways)
        words = [*flags, "--port", str(port), "--export", str(folder / "out"), "--gateways", behind]
        exported = subprocess.run(
            [sys.executable, "-m", "gateway", *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert f"People open {url}/" in exported.stdout and "Warning" not in exported.stdout, exported.stdout
        assert find_errors(folder / "out") == ""
        stack.enter_context(start_nginx(folder / "out", port))
        yield Setup(url, gateways, servers, start)


@pytest.fixture(scope="module")
def module_setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    with start_setup(tmp_path_factory.mktemp("house")) as setup:
        yield setup


@pytest.fixture
def nginx_setup(module_setup: Setup) -> Setup:
    """nginx with both gateways."""
    module_setup.repair()
    return module_setup


@pytest_asyncio.fixture(loop_scope="session")
async def user(browser: Browser, nginx_setup: Setup) -> AsyncIterator[BrowserUser]:
    """A user at nginx."""
    async with open_user(browser, nginx_setup.url) as opened:
        yield opened


async def expect_delivered(window: MooringWindow, setup: Setup, prompt_id: str) -> None:
    """Check that a task succeeded and ran once on its own server, and that its picture is delivered."""
    task = await window.wait_for(prompt_id)
    assert task["state"] == "succeeded"
    for server_id, server in setup.servers.items():
        assert await runs_of(server, prompt_id) == (server_id == task["executionServer"])
    await window.card(prompt_id, "succeeded").locator("[data-testid=result][data-delivery=kept] img").first.wait_for()
    await window.check()


async def test_main_job_and_reload_during_a_run_through_nginx(
    user: BrowserUser, nginx_setup: Setup, tmp_path: Path
) -> None:
    window = await user.open()
    started = await window.page.evaluate("performance.getEntriesByName('mooring-python')[0].detail")
    assert started == "restored", "the memory snapshot is one of nginx's files"
    prompt_id = await window.send_photo(make_photo(tmp_path))
    await expect_delivered(window, nginx_setup, prompt_id)
    await window.open_large(prompt_id)
    await window.close_large()

    async with paused(*nginx_setup.servers.values()):
        prompt_id = await window.submit(slow_workflow())
        await window.wait_state(prompt_id, "running")
        await window.reload()
        await window.connected()
        async with paused(*nginx_setup.servers.values(), at_step=3):
            await window.wait_progress(prompt_id)
    await expect_delivered(window, nginx_setup, prompt_id)


async def begin(window: MooringWindow) -> str:
    """Start work, with its socket open and states observed."""
    prompt_id = await window.submit(slow_workflow())
    await window.connected()
    await window.page.evaluate(SEE_STATES)
    return prompt_id


async def lines_of(gateway: Service) -> int:
    """Return how many windows' sockets a gateway carries."""
    async with aiohttp.request("GET", f"{gateway.url}/metrics") as reply:
        found = re.search(r'^mooring_open\{kind="lines"\} ([0-9.]+)$', await reply.text(), re.MULTILINE)
    return 0 if found is None else int(float(found[1]))


async def keep_requesting(setup: Setup, statuses: list[int]) -> None:
    """Request from gateways and servers continuously."""
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{setup.url}/fleet") as reply:
            bases = [server["base"] for server in (await reply.json())["servers"]]
        paths = ["/fleet", "/fleet/loads", *(f"{base}/queue" for base in bases)]
        while True:
            for path in paths:
                async with http.get(f"{setup.url}{path}", headers={"Accept": "*/*"}) as reply:
                    statuses.append(reply.status)
                await asyncio.sleep(0.04)  # a hundred a second in all: nginx's own limit is a thousand


async def test_gateway_killed_under_load_fails_no_task(user: BrowserUser, nginx_setup: Setup) -> None:
    user.watch.expected += BROKEN_NETWORK
    windows = [await user.open() for _ in range(2)]
    statuses: list[int] = []
    async with paused(*nginx_setup.servers.values()):
        ids = await asyncio.gather(*(begin(window) for window in windows))
        askers = [asyncio.create_task(keep_requesting(nginx_setup, statuses)) for _ in range(4)]
        while len(statuses) < 50:  # noqa: ASYNC110 - the load is under way
            await asyncio.sleep(0.01)
        counts = [await lines_of(gateway) for gateway in nginx_setup.gateways]
        assert sum(counts) == len(windows)
        nginx_setup.gateways[counts.index(max(counts))].kill()
        after = len(statuses)

        async def have_reconnected() -> bool:
            reconnects = [(await window.call("debugWebSocketLock()"))["reconnects"] for window in windows]
            return sum(count > 0 for count in reconnects) >= max(counts)

        await until(have_reconnected)
    for window, prompt_id in zip(windows, ids, strict=True):
        await expect_delivered(window, nginx_setup, prompt_id)
    for asker in askers:
        assert not asker.done(), "no connection broke"
        asker.cancel()
    assert len(statuses) > after and set(statuses) == {200}, "what one gateway left unanswered, the other answered"
    seen = {state for window in windows for state in await window.page.evaluate("() => [...seen]")}
    assert seen <= WELL, seen


async def test_logged_in_user_works_through_nginx(browser: Browser, tmp_path: Path) -> None:
    with start_setup(tmp_path, has_people=True) as setup:
        async with open_user(browser, setup.url) as user:
            user.watch.expected += [r"status of 401"]
            window = await open_logged_in(await user.new_profile(), setup.url, "alice")
            prompt_id = await window.run_photo(make_photo(tmp_path))
            await expect_delivered(window, setup, prompt_id)
            address = await window.call("mooring.getTaskBoundImageUrl(a[0])", prompt_id)
            async with aiohttp.request("GET", f"{setup.url}{address}") as reply:
                assert reply.status == 401, "an address alone opens nothing"
