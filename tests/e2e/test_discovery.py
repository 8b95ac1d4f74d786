"""DNS changes while a window works: its server leaves, another comes, and an address gets another server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import break_server, quick_workflow, runs_of
from tests.kit.name_server import Mood, NameServer, serve_names
from tests.kit.services import Service, free_ports, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ONE, TWO = "127.0.0.2", "127.0.0.3"


@dataclass
class Cluster:
    """The servers, which listen on one port of different addresses, and their name."""

    names: NameServer
    port: int
    folder: Path
    stack: contextlib.ExitStack

    def start(self, host: str, data: str) -> Service:
        """Start a demo server at an address, with a data folder."""
        flags = ("--host", host)
        return self.stack.enter_context(start_demo(*flags, port=self.port, data=self.folder / data))

    def name(self, *hosts: str) -> None:
        """Change the addresses of the name."""
        self.names.zone["comfyui.test."] = {"A": list(hosts)}


@pytest_asyncio.fixture(loop_scope="session")
async def pods(tmp_path: Path) -> AsyncIterator[Cluster]:
    with contextlib.ExitStack() as stack:
        async with serve_names() as names:
            yield Cluster(names, free_ports(), tmp_path, stack)


@pytest_asyncio.fixture(loop_scope="session")
async def one(pods: Cluster) -> Service:
    """The first server, which has the name."""
    pods.name(ONE)
    return await asyncio.to_thread(pods.start, ONE, "one")


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(pods: Cluster, one: Service) -> AsyncIterator[Service]:
    """A gateway that finds them. It starts in a thread, since the name server answers in this one."""
    path = pods.folder / "fleet.toml"
    path.write_text(
        f'[[discover]]\nfrom = "dns://comfyui.test:{pods.port}"\nid = "gpu"\nmint = true\n'
        f'nameservers = ["127.0.0.1:{pods.names.port}"]\n',
        "utf-8",
    )
    with contextlib.ExitStack() as stack:
        yield await asyncio.to_thread(lambda: stack.enter_context(start_gateway("--fleet", str(path))))


async def test_work_stays_with_its_server_while_dns_changes(user: BrowserUser, pods: Cluster, one: Service) -> None:
    user.watch.expected += [r"status of (409|502|504) .*/servers/"]  # polls of a server that has stopped
    window = await user.open()
    await break_server(one, dead_worker=True)
    first = await window.submit(quick_workflow(1))
    await window.wait_state(first, "queued")
    here = (await window.task(first))["executionServer"]
    two = await asyncio.to_thread(pods.start, TWO, "two")
    pods.name(TWO)  # the server at work is leaving, and another has come
    find = "const servers = mooring.fleet().servers, one = servers.find(it => it.id === here);"
    condition = "servers.length === 2 && one.drained && servers.every(it => it.health === 'well')"
    await wait_for_js(window.page, f"here => {{ {find} return {condition}; }}", arg=here)
    second = await window.submit(quick_workflow(2))  # the window is moored there
    assert (await window.task(second))["executionServer"] == here
    await break_server(one, dead_worker=False)
    for prompt_id in (first, second):
        done = await window.wait_for(prompt_id)
        assert (done["state"], done["executionServer"]) == ("succeeded", here)
    await window.card(first, "succeeded").get_by_test_id("result-image").wait_for()
    await break_server(two, dead_worker=True)
    third = await window.submit(quick_workflow(3))
    there = (await window.task(third))["executionServer"]
    assert there != here and (await window.facts())["lockedServer"] == there
    await window.wait_state(third, "queued")
    pods.names.mood = Mood.SERVFAIL
    two.kill()
    other = await asyncio.to_thread(pods.start, TWO, "other")  # at the same address, before the next probe
    await window.wait_state(third, "unreachable")
    await window.page.get_by_test_id("open-fleet").click()
    panel = window.page.get_by_test_id("fleet-panel")
    await expect(panel).to_contain_text("Another server is at its address")
    await expect(panel).to_contain_text("Not all servers can be looked up")
    assert await runs_of(other, third) == 0
    assert (await window.facts())["lockedServer"] == there, "its window is held, so no work goes elsewhere"
    await window.check()
