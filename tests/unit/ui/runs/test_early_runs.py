"""Presses of Run from before Python had started."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.core.errors import StorageError
from app.core.model import PromptId
from app.core.ports.windows import Identity
from app.ui.kit.context import set_slices
from app.ui.runs.state import RunsState
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ME

PRESS = "aaaaaaaa-0000-4000-8000-000000000000"


async def test_press_runs_under_its_own_id_once_its_values_are_fixed() -> None:
    rig = PageRig("text")
    await rig.act("run", press=PRESS)
    assert rig.session.run_ids == [PRESS]
    assert rig.screen.presses == [("taken", PRESS), ("ended", PRESS)]


async def test_run_that_is_not_possible_ends_the_press() -> None:
    rig = PageRig("enlarge")  # without its picture
    await rig.act("run", press=PRESS)
    assert rig.session.run_ids == []
    assert rig.screen.presses == [("ended", PRESS)]


async def test_recorded_press_is_not_run_again() -> None:
    rig = PageRig("text")
    rig.session.recorded = {PromptId(PRESS)}
    await rig.act("run", press=PRESS)
    assert rig.session.run_ids == []
    assert rig.screen.presses == [("ended", PRESS)]


@pytest.mark.parametrize(("restored", "runs"), [(True, 0), (False, 1)])
async def test_copy_of_a_tab_runs_only_what_was_pressed_in_it(restored: bool, runs: int) -> None:
    rig = PageRig("text")
    rig.session.identity = Identity(ME, is_new=True, is_duplicate=True)
    rig.actions.act("run", {"press": PRESS, "restored": restored})
    await rig.done()
    assert len(rig.session.run_ids) == runs


async def test_press_that_came_to_nothing_is_offered_again() -> None:
    rig = PageRig("text")
    await rig.act("offer-press", press=PRESS, restored="true")
    assert rig.ui.of(RunsState).unsent == 1
    assert rig.session.run_ids == []
    assert rig.screen.presses == [("ended", PRESS)]


async def test_recorded_press_is_not_offered() -> None:
    rig = PageRig("text")
    rig.session.recorded = {PromptId(PRESS)}
    await rig.act("offer-press", press=PRESS, restored="true")
    assert rig.ui.of(RunsState).unsent == 0


async def test_several_runs_of_one_press_are_queued_and_end_it() -> None:
    rig = PageRig("text")
    set_slices(rig.context, replace(rig.ui.of(RunsState), run_count=3, count_of="text"))
    await rig.act("run", press=PRESS)
    assert rig.session.run_ids == []
    assert rig.session.line.presses == [PRESS], "its id is the batch's"
    assert rig.screen.presses == [("taken", PRESS), ("ended", PRESS)]


async def test_press_is_carried_out_before_the_rest_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, looked_up = PageRig("text"), asyncio.Event()

    async def knows(_: PromptId) -> bool:
        await looked_up.wait()
        return False

    monkeypatch.setattr(rig.session, "knows", knows)
    rig.actions.act("run", {"press": PRESS})
    idle = asyncio.ensure_future(rig.actions.early_runs.until_idle())
    await asyncio.sleep(0)
    assert not idle.done()
    looked_up.set()
    await idle
    assert rig.session.run_ids == [PRESS]


async def test_failed_lookup_keeps_the_press_and_passes_on_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = PageRig("text")

    async def knows(_: PromptId) -> bool:
        raise StorageError("knows", detail="locked")

    monkeypatch.setattr(rig.session, "knows", knows)
    await rig.act("run", press=PRESS)
    assert rig.screen.presses == [("taken", PRESS)], "a reload looks it up again"
    await rig.actions.early_runs.until_idle()
