"""The fleet's state: only changes wake waiting callers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from app.core.window import address_tag
from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.fleet.state import DEFAULT_MAX_UPLOAD, FleetState, HeldCatalogue
from gateway.fleet.watchers import pace
from gateway.http.servers import Limits, Server, ServerId
from wire.health import Condition, Health

A = ServerId("a")
B = Server(ServerId("b"), "b", "http://127.0.0.1:8189")
FLEET = Fleet(DeclaredBy.FLAGS, "named", (Server(A, "A", "http://10.0.0.1:8188"),))


def test_the_state_as_json() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.WELL, "", 1, 2, "0.3.64", is_demo=True))
    state.note_build("b1")
    assert state.as_json() == {
        "v": 1,
        "person": "",
        "workflows": "",
        "mostPending": None,
        "modelHosts": [],
        "build": "b1",
        "source": "flags",
        "faults": False,
        "why": {"source": "flags", "detail": "named"},
        "problem": "",
        "searches": [],
        "local": [],
        "servers": [
            {
                "id": "a",
                "name": "A",
                "address": "http://10.0.0.1:8188",
                "at": "http://10.0.0.1:8188",
                "base": f"/servers/a@{FLEET.servers[0].tag}",
                "health": "well",
                "detail": "",
                "cause": "",
                "colour": "",
                "running": 1,
                "pending": 2,
                "version": "0.3.64",
                "demo": True,
                "jobs": False,
                "downloads": False,
                "preview_method": "",
                "drained": False,
                "partner": False,
                "weight": 1.0,
                "tags": [],
                "catalogue": "",
                "files": "",
                "broken": [],
            }
        ],
    }


def test_injected_faults_are_part_of_the_state() -> None:
    state = FleetState(FLEET, is_breakable=True)
    state.note_faults(A, ("hang", "deaf"))
    state.note_faults(A, ("hang", "deaf"))
    assert state.revision == 1
    sent = state.as_json()
    assert sent["faults"] is True
    assert [server["broken"] for server in sent["servers"]] == [["hang", "deaf"]]  # type: ignore[attr-defined]


async def test_only_another_build_wakes_waiting_callers() -> None:
    state = FleetState(FLEET)
    state.note_build("b1")
    waiting = asyncio.create_task(state.changed(state.revision))
    await asyncio.sleep(0)
    state.note_build("b1")
    assert state.revision == 1
    state.note_build("b2")
    assert await waiting == 2


async def test_change_wakes_all_waiting_callers() -> None:
    state = FleetState(FLEET)
    waiting = [asyncio.create_task(state.changed(state.revision)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    state.note(A, Condition(Health.DOWN))
    assert await asyncio.gather(*waiting) == [1, 1]


def test_equal_news_is_no_change() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.DOWN, "x"))
    state.note(A, Condition(Health.DOWN, "x"))
    assert state.revision == 1


def test_queue_counts_only_for_a_healthy_server() -> None:
    state = FleetState(FLEET)
    state.note_queue(A, running=1, pending=1)
    assert state.condition(A) == Condition()
    state.note(A, Condition(Health.WELL))
    state.note_queue(A, running=1, pending=1)
    assert state.condition(A) == Condition(Health.WELL, running=1, pending=1)


def test_file_problems_are_for_administrators_only() -> None:
    state = FleetState(FLEET)
    state.note_problem("fleet.toml, line 3: id: it is missing")
    state.note_problem("fleet.toml, line 3: id: it is missing")
    assert state.revision == 1
    assert state.as_json()["problem"] == "fleet.toml, line 3: id: it is missing"
    assert state.as_json(runs_fleet=False)["problem"] == ""


def test_addresses_need_the_role_run() -> None:
    """Other users compare the tag, which is part of the paths as well."""
    state = FleetState(replace(FLEET, why="fleet.toml at /etc/10.0.0.1"))
    state.note(A, Condition(Health.DOWN, "10.0.0.1 refuses", cause="redirect"))
    sent = json.dumps(state.as_json(runs_fleet=False))
    assert "10.0.0." not in sent and "redirect" in sent and FLEET.servers[0].address in json.dumps(state.as_json())
    [server] = json.loads(sent)["servers"]
    assert server["address"] == FLEET.servers[0].tag == address_tag(FLEET.servers[0].identity)
    assert server["base"].endswith(f"@{server['address']}")


def test_changed_fleet_keeps_conditions_of_remaining_servers() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.WELL, running=1))
    state.note_catalogue(A, HeldCatalogue("n", "f"))
    state.max_upload[A] = 5
    other = Server(ServerId("b"), "B", "http://10.0.0.2:8188")
    state.change(replace(FLEET, servers=(other, replace(FLEET.servers[0], name="Renamed"))))
    assert (state.condition(A).running, state.catalogue(A).nodes, state.largest_upload(A)) == (1, "n", 5)
    assert state.condition(other.id).health is Health.UNKNOWN
    sent = state.as_json()["servers"]
    assert [server["name"] for server in sent] == ["B", "Renamed"]  # type: ignore[attr-defined]


def test_a_server_at_another_address_is_another_server() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.WELL, running=1))
    state.note_catalogue(A, HeldCatalogue("n", "f"))
    state.max_upload[A] = 5
    state.change(replace(FLEET, servers=(replace(FLEET.servers[0], address="http://10.0.0.9:8188"),)))
    assert state.condition(A) == Condition()
    assert state.catalogue(A) == HeldCatalogue()
    assert state.largest_upload(A) == DEFAULT_MAX_UPLOAD


def test_condition_of_departed_server_is_ignored() -> None:
    state = FleetState(FLEET)
    state.change(replace(FLEET, servers=()))
    state.note(A, Condition(Health.WELL))
    assert state.as_json()["servers"] == []


def test_fleet_limit_only_lowers_the_servers_upload_limit() -> None:
    state = FleetState(replace(FLEET, servers=(replace(FLEET.servers[0], limits=Limits(upload=2_000_000)),)))
    assert state.largest_upload(A) == 2_000_000
    state.max_upload[A] = 1_500_000
    assert state.largest_upload(A) == 1_500_000


def test_text_is_the_present_state_for_each_user() -> None:
    state = FleetState(FLEET)
    for problem in ("", "fleet.toml, line 2: id: it is missing"):
        state.note_problem(problem)
        for runs_fleet in (True, False):
            sent = state.as_json(runs_fleet=runs_fleet, user="ann")
            assert json.loads(state.as_text(runs_fleet=runs_fleet, user="ann")) == sent


def test_only_a_large_fleet_is_sent_with_delay() -> None:
    assert (pace(3), pace(20), round(pace(300), 3)) == (0.0, 0.0, 5.6)


def test_only_administrators_see_servers_found_on_this_machine() -> None:
    state = FleetState(FLEET)
    before = state.revision
    known = replace(FLEET.servers[0], id=ServerId("local"))
    state.note_local((LocalServer(known), LocalServer(B, "0.30.0", ("cpu",))))
    assert state.revision > before
    sent = {"id": "b", "address": "http://127.0.0.1:8189", "version": "0.30.0", "devices": ["cpu"]}
    assert state.as_json()["local"] == [sent], "one that is in the fleet already, under whichever id, is left out"
    assert state.as_json(runs_fleet=False)["local"] == []


def test_digest_is_the_same_while_only_queues_change() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.WELL))
    first = state.digest()
    state.note(A, Condition(Health.WELL, running=1, pending=2))
    assert state.digest() == first
    state.note(A, Condition(Health.DOWN))
    down = state.digest()
    state.note_workflows("others")
    assert len({first, down, state.digest(), state.digest(runs_fleet=False)}) == 4
    state.note_workflows("")
    state.note(A, Condition(Health.WELL))
    assert state.digest() == first
