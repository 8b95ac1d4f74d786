"""A server that is added in the panel: checked first, with an answer for whatever is at its address."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.browser.fleet import read_fleet
from app.browser.fleet_admin import GatewayAdmin
from app.core.errors import ConfigError, GatewayRefused
from app.core.model import LocalServer, ServerId
from app.core.ports.http import Response
from app.ui.fleet.adding import NewServer
from app.ui.fleet.feature import FEATURE
from app.ui.fleet.panel import FleetDialog
from app.ui.kit.account import Account
from app.ui.kit.state import UiState
from gateway.fleet import fleet as gateway_fleet
from gateway.fleet.state import FleetState
from gateway.http.routes import FleetAction, FleetChange, find_route
from gateway.http.servers import Server
from tests.kit.page.stills import StillPictures, StillSession, translator, workflows
from tests.kit.page.views import project
from tests.unit.ui.fleet.test_admin import MemoryFleetAdmin, Panel
from tests.unit.ui.fleet.test_faults import OneAnswer
from wire.health import Health
from wire.new_servers import AddedServer, AddressFault, CheckedServer, DeviceName, Kept

URL = "http://192.168.1.20:8188"
WELL = CheckedServer(
    address=URL,
    server_id="192-168-1-20",
    name="192.168.1.20",
    health=Health.WELL,
    version="0.30.0",
    devices=(DeviceName("cuda:0 NVIDIA GeForce RTX <b>4090", 25_757_220_864),),
    has_socket=True,
)
ADDED = AddedServer(server_id="192-168-1-20", kept=Kept.FILE, path="/etc/mooring/<fleet>.toml")


async def checked(found: CheckedServer, typed: str = URL, **admin: object) -> Panel:
    panel = Panel(MemoryFleetAdmin(checked=found, **admin))  # type: ignore[arg-type]
    await panel.act("new-server", value=typed)
    await panel.act("check-server")
    return panel


async def test_server_is_checked_named_and_kept() -> None:
    panel = await checked(WELL, "192.168.1.20", added=ADDED)
    html = panel.html()
    assert "ComfyUI 0.30.0" in html and "NVIDIA GeForce RTX &lt;b&gt;4090" in html and "Keep it" in html
    assert 'value="192.168.1.20"' in html
    await panel.act("new-server-name", value="Left desk ")
    await panel.act("keep-server")
    assert panel.memory.done == [("check", "192.168.1.20"), ("add", URL, "Left desk")]
    html = panel.html()
    assert "192-168-1-20 is added" in html and "/etc/mooring/&lt;fleet&gt;.toml" in html
    assert panel.dialog.new.url == "" and "Keep it" not in html


async def test_nothing_typed_is_not_checked() -> None:
    panel = await checked(WELL, "  ")
    assert panel.memory.done == []
    await panel.act("keep-server")
    assert panel.memory.done == []


@pytest.mark.parametrize("fault", AddressFault)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_address_that_no_server_can_have_is_named(fault: AddressFault, language: str) -> None:
    panel = await checked(CheckedServer(fault=fault))
    html = panel.html(language)
    assert "keep-server" not in html and 'class="message is-warn"' in html
    assert (fault is not AddressFault.FORBIDDEN or language != "en") or "Nothing was sent to it." in html


CONDITIONS = [
    (Health.NOT_COMFYUI, "login", False),
    (Health.NOT_COMFYUI, "", False),
    (Health.DOWN, "", True),
    (Health.TIMEOUT, "late", True),
    (Health.REFUSES, "forbidden", True),
    (Health.REFUSES, "login", True),
]


@pytest.mark.parametrize(("health", "cause", "can_be_kept"), CONDITIONS)
async def test_server_that_does_not_work_is_kept_only_if_it_may_later(
    health: Health, cause: str, can_be_kept: bool
) -> None:
    panel = await checked(replace(WELL, health=health, cause=cause, version="", devices=()))
    assert ("Keep it anyway" in panel.html()) is can_be_kept


async def test_log_in_is_set_in_the_file() -> None:
    panel = await checked(replace(WELL, health=Health.REFUSES, cause="login"))
    assert "token = &#34;env:NAME&#34;" in panel.html()


async def test_server_of_the_list_is_not_added_again() -> None:
    panel = await checked(replace(WELL, is_known=True))
    html = panel.html()
    assert "192.168.1.20 is in the list already" in html and "keep-server" not in html


async def test_removed_server_is_restored() -> None:
    panel = await checked(replace(WELL, was_removed=True))
    assert "It was in the list before" in panel.html()


async def test_server_without_websocket_is_named() -> None:
    panel = await checked(replace(WELL, has_socket=False))
    assert "Its WebSocket does not open" in panel.html()


OUTCOMES = [
    (ADDED, "It is saved in the fleet file:"),
    (replace(ADDED, kept=Kept.NEXT_START), "which Mooring reads at its next start:"),
    (replace(ADDED, kept=Kept.NAMED), "start Mooring with --fleet"),
    (replace(ADDED, kept=Kept.NOWHERE, path=""), "It is used until Mooring ends."),
    (replace(ADDED, kept=Kept.NOWHERE, path="", problem="read-only", lines="[[server]]"), "[[server]]"),
    (AddedServer(problem="it has just been changed", lines="[[server]]"), "It was not added"),
    (AddedServer(fault=AddressFault.FORBIDDEN), "No server may have this address"),
]


@pytest.mark.parametrize(("added", "words"), OUTCOMES)
async def test_page_shows_where_the_server_is_kept(added: AddedServer, words: str) -> None:
    panel = await checked(WELL, added=added)
    await panel.act("keep-server")
    html = panel.html()
    assert words in html and added.lines in html and added.problem in html
    assert bool(panel.dialog.new.url) is not bool(added.server_id), "what was not added can be tried again"


async def test_refusal_is_shown_and_the_address_stays() -> None:
    panel = await checked(WELL, refusal=GatewayRefused(None, "too-many-requests", "Try again in 40 s."))
    html = panel.html()
    assert "Try again in 40 s." in html and f'value="{URL}"' in html


async def test_refused_server_can_be_kept_under_another_name() -> None:
    panel = await checked(WELL)
    panel.memory.refusal = GatewayRefused(None, "not-allowed", "a name has 1 to 80 printable characters")
    await panel.act("new-server-name", value="Left desk")
    await panel.act("keep-server")
    html = panel.html()
    assert "1 to 80 printable characters" in html and 'value="Left desk"' in html and "Keep it" in html


async def test_answer_for_an_address_that_was_changed_is_dropped() -> None:
    panel = Panel(MemoryFleetAdmin(checked=WELL))
    panel.actions.act("new-server", {"value": URL})
    panel.actions.act("check-server", {})
    assert panel.dialog.new.is_busy
    panel.actions.act("new-server", {"value": "http://gpu-2:8188"})
    await panel.done()
    assert panel.dialog.new == NewServer(url="http://gpu-2:8188")


async def test_answer_after_closing_the_panel_is_dropped() -> None:
    panel = Panel(MemoryFleetAdmin(checked=WELL))
    panel.actions.act("new-server", {"value": URL})
    panel.actions.act("check-server", {})
    panel.ui = closed = panel.ui.without_dialog()
    await panel.done()
    assert panel.ui == closed


async def test_command_opens_the_panel_at_the_field() -> None:
    panel = Panel(MemoryFleetAdmin())
    panel.ui = panel.ui.without_dialog()
    await panel.act("add-server")
    panel.screen.draw()
    assert panel.screen.changes[-1] == {"jump": "new-server"}
    assert 'id="new-server"' in panel.html()


@pytest.mark.parametrize("runs", [True, False])
def test_only_those_who_run_the_fleet_can_add_a_server(runs: bool) -> None:
    ui = UiState(dialog=FleetDialog()).with_slices(Account("x", runs_fleet=runs))
    page = project(StillSession(), ui, workflows=workflows(), pictures=StillPictures(), language="en")
    assert (page.dialog.adding is not None) is runs
    commands = [one.command_id for find in FEATURE.commands for one in find(page, ui, translator("en"))]
    assert ("add-server" in commands) is runs


# Servers that were found on this machine

LOCAL = LocalServer(ServerId("local-8189"), "http://127.0.0.1:8189", "0.30.0", ("cuda:0 <b>",))


@pytest.mark.parametrize("is_demo", [True, False])
async def test_only_an_admin_can_use_servers_found_on_this_machine(is_demo: bool) -> None:
    panel = Panel(MemoryFleetAdmin(added=ADDED))
    panel.local = (LOCAL,)
    panel.source = "demo" if is_demo else "file"
    html = panel.html(is_demo=True)
    assert "http://127.0.0.1:8189" in html and "ComfyUI 0.30.0" in html and "cuda:0 &lt;b&gt;" in html
    assert ("the demo servers take no new work." in html) is is_demo
    assert "local-8189" not in panel.html(runs=False)
    await panel.act("use-local", url=LOCAL.address)
    assert panel.memory.done == [("add", LOCAL.address, "")]
    assert "is added" in panel.html()


def test_found_servers_are_read_as_the_gateway_sends_them() -> None:
    state = FleetState(gateway_fleet.Fleet(gateway_fleet.DeclaredBy.FOUND, "", ()))
    address = Server(LOCAL.server_id, LOCAL.server_id, LOCAL.address)  # type: ignore[arg-type]
    state.note_local((gateway_fleet.LocalServer(address, LOCAL.version, LOCAL.devices),))
    assert read_fleet(state.as_text()).local == (LOCAL,)
    assert read_fleet(state.as_text(runs_fleet=False)).local == ()


# The requests


async def test_each_action_is_one_request_that_the_gateway_lists() -> None:
    found = json.dumps(WELL.as_json())
    http = OneAnswer(Response(200, text=found))
    assert await GatewayAdmin(http).check(URL) == WELL  # type: ignore[arg-type]
    assert [(sent.method, json.loads(sent.json or "")) for sent in http.asked] == [("POST", {"url": URL})]
    assert find_route(http.asked[0].path) == FleetChange("check")
    http = OneAnswer(Response(200, text=json.dumps(ADDED.as_json())))
    assert await GatewayAdmin(http).add(URL, "Left desk") == ADDED  # type: ignore[arg-type]
    assert find_route(http.asked[0].path) == FleetChange("add")
    http = OneAnswer(Response(200, text="{}"))
    await GatewayAdmin(http).rename(ServerId("a"), "Left desk")  # type: ignore[arg-type]
    await GatewayAdmin(http).remove(ServerId("a"))  # type: ignore[arg-type]
    assert [find_route(sent.path) for sent in http.asked] == [FleetAction("a", "rename"), FleetAction("a", "remove")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"health": "new"}', "[" * 100_000])
async def test_answer_that_is_none_of_the_gateways_is_reported(text: str) -> None:
    with pytest.raises(ConfigError, match="not the gateway's answer"):
        await GatewayAdmin(OneAnswer(Response(200, text=text))).check(URL)  # type: ignore[arg-type]
