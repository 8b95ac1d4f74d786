"""*Break it*, the pure part: a closed list of faults, and the active ones in a demo server's answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from demo_comfyui.faults import Faults, NextSubmit
from gateway.fleet.faults import FaultWish, read_active_faults, read_wish
from wire.faults import CHANGES, Fault

ENDS = {
    Fault.HANG: Fault.WAKE,
    Fault.DEAD_WORKER: Fault.REVIVE_WORKER,
    Fault.DEAF: Fault.SPEAK,
    Fault.REFUSE_SOCKETS: Fault.ADMIT_SOCKETS,
    Fault.LOSE_REQUEST: Fault.RELEASE,
    Fault.LOSE_ANSWER: Fault.RELEASE,
    Fault.SILENT_ANSWER: Fault.RELEASE,
    Fault.QUEUED_500: Fault.RELEASE,
    Fault.REFUSE_NEXT: Fault.RELEASE,
    Fault.HOLD_NEXT: Fault.RELEASE,
}


def answer(faults: Faults) -> dict[str, Any]:
    return {"faults": faults.state(), "holding": faults.holding}


@pytest.mark.parametrize("fault", list(Fault))
def test_fault_is_requested_by_its_name(fault: Fault) -> None:
    assert read_wish(json.dumps({"server": "demo-1", "fault": fault.value}).encode()) == FaultWish("demo-1", fault)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 900,
        b'{"server": "demo-1"}',
        b'{"server": "demo-1", "fault": "hang", "delay": 3}',
        b'{"server": "demo-1", "fault": "hang", "path": "/history"}',
        b'{"server": "demo-1", "fault": {"hang": true}}',
        b'{"server": ["demo-1"], "fault": "hang"}',
        b'{"server": "demo-1", "fault": "HANG"}',
        b'{"server": "demo-1", "fault": "../history"}',
        b'{"hang": true}',
    ],
)
def test_request_with_anything_but_server_and_fault_is_refused(body: bytes) -> None:
    assert isinstance(read_wish(body), str)


@pytest.mark.parametrize("fault", list(CHANGES))
def test_every_change_is_known_to_demo_servers(fault: Fault) -> None:
    Faults().apply(dict(CHANGES[fault]))


@pytest.mark.parametrize(("fault", "end"), ENDS.items())
def test_fault_is_reported_while_it_lasts(fault: Fault, end: Fault) -> None:
    faults = Faults()
    assert read_active_faults(answer(faults)) == ()
    faults.apply(dict(CHANGES[fault]))
    assert read_active_faults(answer(faults)) == (fault,)
    faults.apply(dict(CHANGES[end]))
    assert read_active_faults(answer(faults)) == ()


@pytest.mark.parametrize("fault", ENDS)
def test_a_reset_ends_every_fault(fault: Fault) -> None:
    faults = Faults()
    faults.apply(dict(CHANGES[fault]))
    faults.apply(dict(CHANGES[Fault.RESET]))
    assert read_active_faults(answer(faults)) == ()


def test_every_fault_of_the_next_submit_has_a_name() -> None:
    for kind in NextSubmit:
        assert len(read_active_faults({"faults": {"next_submit": kind.value}, "holding": 0})) == 1


async def test_held_submit_is_reported_until_released() -> None:
    faults = Faults()
    faults.apply(dict(CHANGES[Fault.HOLD_NEXT]))
    assert faults.pop_next_submit() is NextSubmit.HOLD
    held = asyncio.create_task(faults.hold())
    await asyncio.sleep(0)
    assert read_active_faults(answer(faults)) == (Fault.HOLD_NEXT,)
    faults.apply(dict(CHANGES[Fault.RELEASE]))
    await held
    assert read_active_faults(answer(faults)) == ()
