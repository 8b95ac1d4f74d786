"""An unreadable record of a closed window is found with the orphans, and only the user gives it up."""

from __future__ import annotations

import pytest

from app.core.errors import NotOwner, TaskNotFound
from app.core.model import PromptId, WindowId
from tests.kit.stage import A, Stage, scene, window_of
from tests.simulation.world import Page
from tests.unit.session.test_unreadable import damage


async def left_damaged(stage: Stage) -> tuple[Page, PromptId, WindowId]:
    """A window that finds the damaged task of a crashed one."""
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=400, server_id=A)
    owner = window_of(gone).window_id
    stage.world.leave(gone, crashed=True)
    damage(stage, prompt_id)
    heir = await stage.window()
    await stage.until(lambda: bool(heir.session.orphan_records))
    return heir, prompt_id, owner


@scene
async def test_unreadable_orphan_record_can_only_be_given_up(stage: Stage) -> None:
    heir, prompt_id, owner = await left_damaged(stage)
    (found,) = heir.session.orphan_records
    assert (found.record.prompt_id, found.record.owner, found.is_owner_gone) == (prompt_id, owner, True)
    assert heir.session.orphans == ()
    with pytest.raises(TaskNotFound):
        await heir.session.adopt(prompt_id)
    assert prompt_id in stage.world.database.tasks
    await heir.session.give_up(prompt_id)
    assert prompt_id not in stage.world.database.tasks
    assert heir.session.orphan_records == ()


@scene
async def test_unreadable_orphan_record_does_not_block_other_windows(stage: Stage) -> None:
    heir, _, _ = await left_damaged(stage)
    prompt_id = await stage.run(heir, server_id=A)
    await stage.ended(heir, prompt_id)
    assert window_of(heir).unreadable == ()


@scene
async def test_unreadable_record_of_open_window_is_no_orphan(stage: Stage) -> None:
    alive, other = await stage.window(), await stage.window()
    prompt_id = await stage.run(alive, steps=400, server_id=A)
    damage(stage, prompt_id)
    await other.session.find_orphans()
    assert other.session.orphan_records == ()
    with pytest.raises(TaskNotFound):
        await other.session.give_up(prompt_id)
    assert prompt_id in stage.world.database.tasks


@scene
async def test_record_of_another_window_is_not_deleted(stage: Stage) -> None:
    heir, prompt_id, _ = await left_damaged(stage)
    damage(stage, prompt_id, {"owner": "somebody-else"})
    with pytest.raises(NotOwner):
        await heir.session.give_up(prompt_id)
    assert prompt_id in stage.world.database.tasks
    assert heir.session.orphan_records == ()
