"""The page on a plain web server without a gateway: the main job, and the cause when a browser is refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from gateway.fleet.catalogue_contents import split_files
from tests.e2e.test_scripting import run as run_script
from tests.kit.browser.chromium import IS_RESTORED, open_headless_shell
from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, expect_no_violation, start_fleet
from tests.kit.browser.plain_site import NGINX, TYPES, log_in_proxy, nginx_pages, python_pages, write_site
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import ask_server, paused, slow_workflow
from tests.kit.services import free_ports, start_demo

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

NAMES = "--host-resolver-rules=MAP *.lan 127.0.0.1"
# Chromium's console messages about a server that refuses the page, for tests that use one.
REFUSED = [*BROKEN_NETWORK, "blocked by CORS policy", "violates the following Content Security Policy"]
SHOWN = """async (address) => {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image.naturalWidth;
}"""


LEARNED = """async (address) => {
  const { load } = await import(`${document.documentElement.dataset.home}static/js/by_name.js`);
  const { learn } = load("catalogue");
  const read = await learn(address, 30000);
  const text = (bytes) => `{${new TextDecoder().decode(bytes).split("\\n").join(",")}}`;
  return [text(read.nodes), text(read.files)];
}"""


@dataclass
class Pages:
    """The page's address, and the servers that it requests itself."""

    url: str
    fleet: Fleet
    listed: Path  # the list of servers beside the page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """`python3 -m http.server` with the page, and two servers that allow its origin."""
    folder, port = tmp_path_factory.mktemp("static"), free_ports()
    flags = ("--enable-cors-header", f"http://127.0.0.1:{port}")
    with start_fleet(folder, "a", "b", step_seconds=0.05, more=flags) as fleet:
        write_site(folder / "site", folder, {key: f"http://127.0.0.1:{port}" for key, port in fleet.ports.items()})
        with python_pages(folder / "site", port) as url:
            yield Pages(url, fleet, folder / "site" / "fleet.json")


@pytest_asyncio.fixture(loop_scope="session")
async def user(browser: Browser, pages: Pages) -> AsyncIterator[BrowserUser]:
    async with open_user(browser, pages.url) as opened:
        opened.watch.allow(*(server.url for server in pages.fleet.up.values()))
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_user(browser: Browser, pages: Pages) -> AsyncIterator[BrowserUser]:
    async with open_user(browser, pages.url) as opened:
        opened.watch.allow(*(server.url for server in pages.fleet.up.values()))
        yield opened


async def server_of(window: MooringWindow, prompt_id: str) -> str:
    return str((await window.task(prompt_id))["executionServer"])


async def test_main_job_on_two_servers_without_a_gateway(
    module_user: BrowserUser, window: MooringWindow, pages: Pages, photo: Path
) -> None:
    fleet = pages.fleet
    one, two = window, await module_user.open()
    assert await one.page.evaluate(IS_RESTORED), "a plain web server serves the snapshot too"
    works = slow_workflow(), slow_workflow()
    async with paused(*fleet.up.values()):
        first = await one.submit(works[0])
        second = await two.submit(works[1])
        here, there = await server_of(one, first), await server_of(two, second)
        assert {here, there} == {"a", "b"}
        await one.card(first, "running").get_by_test_id("preview").wait_for()
        facts = await one.facts()
        assert (facts["webSocket"]["server"], facts["webSocket"]["state"], facts["violations"]) == (here, "open", [])
        assert (await one.call("mooring.getApiBaseUrl()")) == fleet[here].url

        await one.reload()
        await one.connected()
        async with paused(fleet[here], at_step=3):
            await one.card(first, "running").get_by_test_id("preview").wait_for()
    await fleet.expect_delivered(one, first, works[0])
    await fleet.expect_delivered(two, second, works[1])
    address = await one.call("mooring.getTaskBoundImageUrl(a[0])", first)
    assert address.startswith(f"{fleet[here].url}/view?")
    assert await one.page.evaluate(SHOWN, address) == 256

    photos = await one.run_photo(photo)
    assert (await one.task(photos))["state"] == "succeeded"
    await expect_no_violation(one)
    await expect_no_violation(two)
    assert (await one.call("testServerConsistencyFixes()"))["failed"] == 0
    await two.page.close()


async def test_killed_server_is_waited_for_and_lost_work_reported(
    module_user: BrowserUser, window: MooringWindow, pages: Pages
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    fleet = pages.fleet
    async with paused(*fleet.up.values()):
        prompt_id = await window.submit(slow_workflow())
        await window.wait_state(prompt_id, "running")
        here = await server_of(window, prompt_id)
        fleet.kill(here)
        await window.wait_state(prompt_id, "unreachable")
        await expect(window.card(prompt_id)).to_contain_text(f"{here} does not answer")
        assert (await window.facts())["lockedServer"] == here
        await window.page.get_by_test_id("open-fleet").click()
        await expect(row(window, here)).to_have_attribute("data-health", "down")
        await window.page.keyboard.press("Escape")
        fleet.start(here)
        await window.wait_state(prompt_id, "lost")
    await expect_no_violation(window)
    second_id = await window.submit(slow_workflow())
    assert (await window.wait_for(second_id))["state"] == "succeeded"


async def test_id_with_another_address_is_moved_and_receives_nothing(window: MooringWindow, pages: Pages) -> None:
    fleet = pages.fleet
    workflow = slow_workflow()
    async with paused(*fleet.up.values()):
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "running")
        here = await server_of(window, prompt_id)
        (other,) = set(fleet.ports) - {here}
        before = (await fleet.submits())[other]
        was = pages.listed.read_text("utf-8")
        listed = json.loads(was)
        addresses = [one["address"] for one in reversed(listed["servers"])]
        for server, address in zip(listed["servers"], addresses, strict=True):
            server["address"] = address  # each has the other's
        pages.listed.write_text(json.dumps(listed), "utf-8")
        await window.page.evaluate("dispatchEvent(new Event('online'))")  # makes the page reload the list
        await window.wait_state(prompt_id, "unreachable_moved")
        with pytest.raises(Exception, match="ServerMoved"):
            await window.submit(slow_workflow())
        assert (await window.call("mooring.fleet()"))["servers"][0]["base"] == listed["servers"][0]["address"]
        pages.listed.write_text(was, "utf-8")
        await window.page.evaluate("dispatchEvent(new Event('online'))")
    await fleet.expect_delivered(window, prompt_id, workflow)
    assert (await fleet.submits())[other] == before


async def test_page_reads_a_catalogue_as_the_gateway_does(window: MooringWindow, pages: Pages) -> None:
    """To the last digit: a seed may be larger than JavaScript's exact integers, and 1.0 is not 1."""
    server = pages.fleet["a"]
    nodes, files = split_files(await ask_server(server, "/object_info"))
    learned = await window.page.evaluate(LEARNED, server.url)
    assert as_text(learned[0]) == as_text(nodes)
    assert as_text(learned[1]) == as_text(files)
    assert "18446744073709551615" in as_text(nodes) and files


def as_text(value: Any) -> str:
    """Return the same text only for equal values of equal types."""
    return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)


async def test_script_reaches_only_the_servers(module_user: BrowserUser, window: MooringWindow, pages: Pages) -> None:
    module_user.watch.tried.append("/elsewhere$")
    await window.page.keyboard.press("s")
    await expect(window.page.get_by_test_id("script-status")).to_have_text("Python is ready.")
    source = f"""
import requests
print(requests.get("{pages.fleet["a"].url}/prompt").json())
try:
    requests.get("http://127.0.0.1:{free_ports()}/elsewhere")
except requests.ConnectionError as error:
    print(type(error).__name__)
"""
    output = await run_script(window.page, source)
    assert output == "{'exec_info': {'queue_remaining': 0}}\nConnectionError\n"


async def test_missing_file_is_reported(user: BrowserUser) -> None:
    profile = await user.new_profile()
    await profile.route("**/core.js", lambda route: route.fulfill(status=404, body="gone"))
    user.watch.expected += [".*"]
    page = (await user.open(is_ready=False)).page
    await expect(page.locator("#boot-failure")).to_contain_text("Write the page again with “serve.py static”")


# Refused browsers


def row(window: MooringWindow, server_id: str) -> Locator:
    return window.page.locator(f"#server-{server_id}")


@pytest.mark.skipif(NGINX is None or not TYPES.exists(), reason="no nginx on this machine: the page below a path")
async def test_refused_browser_shows_cause_and_flag(tmp_path: Path) -> None:
    """Below a path of an nginx with its defaults; names that end in .lan resolve to this machine in the browser."""
    first = free_ports(6)
    pages, closed, silent, turned, nobody, unlisted = range(first, first + 6)
    servers = {
        "silent": f"http://gpu.lan:{closed}",
        "refusing": f"http://127.0.0.1:{closed}",
        "proxied": f"http://door.lan:{silent}",
        "turned": f"http://127.0.0.1:{turned}",
        "nobody": f"http://127.0.0.1:{nobody}",
    }
    site = tmp_path / "root" / "mooring"
    write_site(site, tmp_path, servers)
    fleet = json.loads((site / "fleet.json").read_text("utf-8"))
    fleet["servers"].append({"id": "unlisted", "address": f"http://127.0.0.1:{unlisted}"})
    (site / "fleet.json").write_text(json.dumps(fleet), "utf-8")
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(nginx_pages(tmp_path / "root", tmp_path, pages))
        await stack.enter_async_context(log_in_proxy(silent))
        await stack.enter_async_context(log_in_proxy(turned, f"http://login.lan:{silent}/"))
        browser = await stack.enter_async_context(open_headless_shell(NAMES))
        user = await stack.enter_async_context(open_user(browser, f"http://127.0.0.1:{pages}"))
        user.watch.allow(*servers.values(), f"http://login.lan:{silent}")
        user.watch.expected += REFUSED
        with start_demo(port=closed, data=tmp_path / "closed"):
            window = await user.open("/mooring/")
            await window.page.get_by_test_id("open-fleet").click()
            flag = f"--enable-cors-header http://127.0.0.1:{pages}"
            for server_id, health, words in (
                ("silent", "refuses", "It does not let this page in"),
                ("refusing", "refuses", "It refuses this page (403)"),
                ("proxied", "refuses", "Something answers, but not this page"),
                ("turned", "not_comfyui", "Something is in front of it"),
                ("nobody", "down", "Not running"),
                ("unlisted", "refuses", "This page may not ask it"),
            ):
                await expect(row(window, server_id)).to_have_attribute("data-health", health)
                await expect(row(window, server_id)).to_contain_text(words)
                if server_id in {"silent", "refusing", "proxied"}:
                    await expect(row(window, server_id)).to_contain_text(flag)
        with start_demo("--enable-cors-header", f"http://127.0.0.1:{pages}", port=closed, data=tmp_path / "closed"):
            await expect(row(window, "silent")).to_have_attribute("data-health", "well")
            await expect(row(window, "refusing")).to_have_attribute("data-health", "well")
            await window.page.keyboard.press("Escape")
            prompt_id = await window.submit(slow_workflow())
            assert (await window.wait_for(prompt_id))["state"] == "succeeded"
            await expect_no_violation(window)
