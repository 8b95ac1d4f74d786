"""Leanings count for all windows of a tab, and move no moored window."""

from __future__ import annotations

import pytest

from app.core.balancer import Leaning
from app.core.errors import NoServerAvailable
from tests.kit.stage import A, B, C, Stage, scene
from tests.unit.session.test_one_server import task_of
from tests.unit.session.test_windows import all_tasks, spread


@scene
async def test_a_preferred_server_gets_the_runs_of_a_free_window(stage: Stage) -> None:
    for server_id in (A, B, C):
        page = await stage.window()
        page.session.lean({server_id: Leaning.PREFER})
        task = task_of(page, await stage.run(page))
        assert task.server_id == server_id
        assert task.choice is not None and task.choice.reason == "preferred"


@scene
async def test_avoided_server_gets_no_work_until_allowed(stage: Stage) -> None:
    page = await stage.window()
    page.session.lean({A: Leaning.AVOID, B: Leaning.AVOID, C: Leaning.AVOID})
    with pytest.raises(NoServerAvailable):
        await stage.run(page)
    page.session.lean({A: Leaning.AVOID, B: Leaning.AVOID})
    assert task_of(page, await stage.run(page)).server_id == C


@scene
async def test_a_moored_window_stays_where_it_is(stage: Stage) -> None:
    page = await stage.window()
    first = task_of(page, await stage.run(page, steps=40, server_id=A))
    page.session.lean({A: Leaning.AVOID, B: Leaning.PREFER})
    assert task_of(page, await stage.run(page)).server_id == first.server_id == A


@scene
async def test_all_windows_have_the_same_leanings(stage: Stage) -> None:
    page = await stage.window()
    page.session.lean({B: Leaning.AVOID})
    await spread(stage, page, 6, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    assert {task.server_id for task in all_tasks(page)} == {A, C}
