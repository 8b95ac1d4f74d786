"""The fleet file changes while windows work: moored work stays, and a removed server is reported and can return."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from gateway.platforms import system
from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import Fleet, cancel_prompts
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import load_server, paused, quick_workflow, runs_of, slow_workflow
from tests.kit.services import Service, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STEP_SECONDS = 0.05


@pytest.fixture(scope="module")
def module_file(module_fleet: Fleet) -> Path:
    path = module_fleet.folder / "fleet.toml"
    write(path, module_fleet)
    return path


@pytest.fixture(scope="module")
def gateway(module_file: Path) -> Iterator[Service]:
    """A gateway with that file, at which `user` works."""
    with start_gateway("--fleet", str(module_file)) as service:
        yield service


@pytest.fixture
def fleet_toml(fleet: Fleet, module_file: Path) -> Path:
    """The file, with both servers."""
    write(module_file, fleet)
    return module_file


def write(path: Path, fleet: Fleet, *, drained: str = "", removed: str = "", rest: str = "") -> None:
    """Replace the file as an editor does."""
    tables = [
        f'[[server]]\nid = "{server_id}"\nurl = "{server.url}"\n' + ("drain = true\n" if server_id == drained else "")
        for server_id, server in fleet.up.items()
        if server_id != removed
    ]
    new = path.with_name("new")
    new.write_text("\n".join(tables) + rest, "utf-8")
    system.replace(new, path)


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def other_than(server_id: str) -> str:
    return "b" if server_id == "a" else "a"


async def wait_for_fleet(window: MooringWindow, condition: str) -> None:
    """Wait until a condition on the window's `fleet` and `server(id)` holds."""
    find = "const fleet = mooring.fleet(), server = id => fleet.servers.find(one => one.id === id);"
    await wait_for_js(window.page, f"() => {{ {find} return {condition}; }}")


async def test_drained_server_finishes_its_work_and_accepts_no_other(
    user: BrowserUser, fleet: Fleet, fleet_toml: Path
) -> None:
    window = await user.open()
    async with paused(*fleet.up.values()):
        first = await window.submit(slow_workflow())
        await window.wait_state(first, "running")
        here = (await window.task(first))["executionServer"]
        there = other_than(here)
        write(fleet_toml, fleet, drained=here)
        await wait_for_fleet(window, f"server('{here}').drained")
        second = await window.submit(quick_workflow(2))  # the window is moored there
        assert (await window.task(second))["executionServer"] == here
        others = await load_server(fleet[there], 1)  # otherwise the drained one might be avoided by chance
        other = await user.open()
        elsewhere = await other.submit(quick_workflow(3))
        assert (await other.task(elsewhere))["executionServer"] == there
        await cancel_prompts(fleet[there], others)
    for prompt_id in (first, second):
        done = await window.wait_for(prompt_id)
        assert (done["state"], done["executionServer"]) == ("succeeded", here)
        assert await runs_of(fleet[here], prompt_id) == 1
    await window.card(first, "succeeded").get_by_test_id("result-image").wait_for()
    assert (await window.facts())["lockedServer"] is None
    third = await window.submit(quick_workflow(4))
    assert (await window.task(third))["executionServer"] == there
    await window.check()
    await other.check()


async def test_work_on_a_removed_server_continues_after_it_returns(
    user: BrowserUser, fleet: Fleet, fleet_toml: Path
) -> None:
    user.watch.expected += [r"status of 404 .*/servers/"]  # a poll under way when the fleet changed
    window = await user.open()
    async with paused(*fleet.up.values()):
        prompt_id = await window.submit(slow_workflow())
        await window.wait_state(prompt_id, "running")
        here = (await window.task(prompt_id))["executionServer"]
        write(fleet_toml, fleet, removed=here)
        await window.wait_state(prompt_id, "unreachable_moved")
        card = window.card(prompt_id, "unreachable_moved")
        await card.wait_for()
        assert (await window.facts())["lockedServer"] == here, "its window is held, so no work goes elsewhere"
        with pytest.raises(Exception, match="ServerMoved"):
            await window.submit(quick_workflow())
        assert await runs_of(fleet[here], prompt_id) == 1
        write(fleet_toml, fleet)
    done = await window.wait_for(prompt_id)
    assert (done["state"], done["executionServer"]) == ("succeeded", here)
    await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()
    assert await runs_of(fleet[here], prompt_id) == 1
    await window.check()


async def test_invalid_fleet_file_is_shown_in_the_panel(user: BrowserUser, fleet: Fleet, fleet_toml: Path) -> None:
    window = await user.open()
    write(fleet_toml, fleet, removed="b", rest='\n[[server]]\nid = "c"\nulr = "http://127.0.0.1:1"\n')
    await window.page.get_by_test_id("open-fleet").click()
    panel = window.page.get_by_test_id("fleet-panel")
    await expect(panel).to_contain_text("The fleet file has a mistake")
    await expect(panel).to_contain_text("line 7: ulr: there is no such setting; did you mean 'url'?")
    await expect(panel.get_by_test_id("server")).to_have_count(2)
    write(fleet_toml, fleet)
    await expect(panel.get_by_text("The fleet file has a mistake")).to_have_count(0)


async def test_server_is_added_named_and_used_from_its_address(
    user: BrowserUser, fleet: Fleet, fleet_toml: Path
) -> None:
    window = await user.open()
    page = window.page
    write(fleet_toml, fleet, removed="b", rest="# ours\n")
    await wait_for_fleet(window, "fleet.servers.length === 1")
    await page.get_by_test_id("open-palette").click()
    await page.get_by_test_id("palette-query").fill("connect")
    await page.get_by_role("option", name="Add a server").click()
    field, panel = page.get_by_test_id("new-server"), page.get_by_test_id("fleet-panel")
    await expect(field).to_be_focused()
    await field.fill("169.254.169.254")
    await field.press("Enter")
    await expect(panel).to_contain_text("No server may have this address")
    await field.fill(fleet["b"].url.removeprefix("http://"))
    await field.press("Enter")
    await expect(panel.get_by_test_id("new-server-name")).to_be_visible()
    await expect(panel.get_by_test_id("adding")).to_contain_text("ComfyUI ")
    await check_axe(page)
    await panel.get_by_test_id("new-server-name").fill("Left desk")
    await panel.get_by_test_id("keep-server").click()
    await expect(panel.get_by_test_id("adding")).to_contain_text(str(fleet_toml))
    text = text_of(fleet_toml)
    assert "# ours\n" in text and 'name = "Left desk"' in text
    await wait_for_fleet(window, "fleet.servers[1]?.health === 'well'")
    await expect(panel.get_by_test_id("server").last).to_contain_text("Left desk")
    row = panel.locator("[data-testid=server]").last
    await row.get_by_test_id("menu").click()
    await row.get_by_test_id("ask-rename-server").click()
    await expect(row.get_by_test_id("server-name")).to_be_focused()
    await row.get_by_test_id("server-name").fill("Right desk")
    await row.get_by_test_id("server-name").press("Enter")
    await expect(row.get_by_role("heading")).to_contain_text("Right desk")
    await row.get_by_test_id("menu").click()
    await row.get_by_test_id("ask-remove-server").click()
    await expect(row.get_by_test_id("removing")).to_contain_text("Nothing waits or runs there.")
    await expect(row.get_by_test_id("removing")).to_be_focused()
    await check_axe(page)
    await row.get_by_test_id("remove-server").click()
    await expect(panel.get_by_test_id("server")).to_have_count(1)
    await panel.get_by_test_id("check-server").click()
    await expect(panel.get_by_test_id("adding")).to_contain_text("It was in the list before")
    await panel.get_by_test_id("keep-server").click()
    await expect(panel.get_by_test_id("server").last).to_contain_text("Right desk")
