"""The fleet's state: only news wakes whoever waits."""

from __future__ import annotations

import asyncio

from gateway.fleet import Fleet, Server, ServerId, Source
from gateway.state import Condition, FleetState, Health

A = ServerId("a")
FLEET = Fleet(Source.FLAGS, "named", (Server(A, "A", "http://10.0.0.1:8188"),))


def test_the_state_as_json() -> None:
    state = FleetState(FLEET)
    state.note(A, Condition(Health.WELL, "", 1, 2, "0.3.64", is_demo=True))
    state.note_build("b1")
    assert state.as_json() == {
        "v": 1,
        "workflows": "",
        "build": "b1",
        "source": "flags",
        "faults": False,
        "why": {"source": "flags", "detail": "named"},
        "servers": [
            {
                "id": "a",
                "name": "A",
                "address": "http://10.0.0.1:8188",
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
                "drained": False,
                "catalogue": "",
                "files": "",
                "broken": [],
            }
        ],
    }


def test_what_is_broken_on_purpose_is_told_with_the_state_and_is_news() -> None:
    state = FleetState(FLEET, is_breakable=True)
    state.note_broken(A, ("hang", "deaf"))
    state.note_broken(A, ("hang", "deaf"))
    assert state.revision == 1
    told = state.as_json()
    assert told["faults"] is True
    assert [server["broken"] for server in told["servers"]] == [["hang", "deaf"]]  # type: ignore[attr-defined]


async def test_another_build_wakes_whoever_waits_and_the_same_one_does_not() -> None:
    state = FleetState(FLEET)
    state.note_build("b1")
    waiting = asyncio.create_task(state.changed(state.revision))
    await asyncio.sleep(0)
    state.note_build("b1")
    assert state.revision == 1
    state.note_build("b2")
    assert await waiting == 2


async def test_a_change_wakes_everybody_who_waits() -> None:
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


def test_a_queue_is_news_only_about_a_server_that_is_well() -> None:
    state = FleetState(FLEET)
    state.note_queue(A, running=1, pending=1)
    assert state.condition(A) == Condition()
    state.note(A, Condition(Health.WELL))
    state.note_queue(A, running=1, pending=1)
    assert state.condition(A) == Condition(Health.WELL, running=1, pending=1)
