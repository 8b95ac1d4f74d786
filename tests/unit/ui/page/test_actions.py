"""The actions of the page, with a session that records its calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.errors import BadInput, NoServerAvailable
from app.core.model import BatchId
from app.session import Picked
from app.ui.form.state import Draft, FormState, Picture
from app.ui.results.sheets import SheetDialog
from app.ui.results.state import Compared, CompareDialog, PictureDialog, ResultsState, SavingDialog
from app.ui.runs.state import GiveUpDialog
from app.workflows.forms.kinds import MAX_DRAWN, SeedMode
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import (
    Bytes,
    StillSession,
    fleet,
    server,
    task,
)

IMAGE = ("1", "image")
SEED = ("1", "seed")


async def test_run_sends_the_form_with_its_picture() -> None:
    rig = PageRig()
    await rig.give((b"picture", "boat.png"))
    rig.actions.act("field", {"node": "2", "name": "width", "value": "999"})
    await rig.act("run")
    (verb, workflow, title, inputs, server_id) = rig.session.calls[0]
    assert (verb, title, server_id) == ("run", "Enlarge and sharpen", None)
    assert workflow.value("2", "width") == 999
    assert inputs == {IMAGE: Picked(Bytes(b"picture"), "boat.png")}


async def test_run_does_nothing_while_it_is_not_possible() -> None:
    rig = PageRig()
    await rig.act("run")
    assert rig.session.calls == []


async def test_a_seed_is_drawn_for_each_run_and_shown() -> None:
    rig = PageRig("text")
    await rig.act("run")
    assert rig.session.calls[0][1].value(*SEED) == MAX_DRAWN
    assert rig.draft.values[SEED] == str(MAX_DRAWN)


async def test_a_fixed_seed_stays() -> None:
    rig = PageRig("text")
    rig.actions.act("field", {"node": "1", "name": "seed", "value": "5"})
    await rig.act("run")
    assert rig.session.calls[0][1].value(*SEED) == 5


async def test_typed_seed_is_fixed_until_another_mode_is_chosen() -> None:
    rig = PageRig("text")
    rig.actions.act("field", {"node": "1", "name": "seed", "value": "5"})
    assert rig.draft.modes == {SEED: SeedMode.FIXED}
    rig.actions.act("seed-mode", {"node": "1", "name": "seed", "value": "randomize"})
    assert rig.draft.modes == {SEED: SeedMode.RANDOM}


async def test_a_counted_seed_is_one_more_after_each_run() -> None:
    rig = PageRig("text")
    rig.actions.act("field", {"node": "1", "name": "seed", "value": "41"})
    rig.actions.act("seed-mode", {"node": "1", "name": "seed", "value": "increment"})
    for sent in (41, 42):
        await rig.act("run")
        assert rig.session.calls[-1][1].value(*SEED) == sent
    assert rig.draft.values[SEED] == "43"


async def test_demo_workflow_uses_demo_server_of_mixed_fleet() -> None:
    mixed = fleet(server("gpu-1"), server("demo-1", is_demo=True, running=3), server("demo-2", is_demo=True))
    rig = PageRig("text", session=StillSession(fleet=mixed))
    await rig.act("run")
    assert rig.session.calls[0][4] == "demo-2"


async def test_failed_run_raises_no_other_error() -> None:
    rig = PageRig("text")
    rig.session.refusal = NoServerAvailable("reserve")
    await rig.act("run")
    assert rig.ui.errors == ()


@pytest.mark.parametrize(
    ("name", "verb"),
    [("cancel", "cancel"), ("look-again", "look_again"), ("give-up", "give_up"),
     ("dismiss-run", "dismiss_run"), ("retry-run", "retry_run")],
)  # fmt: skip
async def test_a_click_calls_the_session_with_its_task(name: str, verb: str) -> None:
    rig = PageRig()
    await rig.act(name, promptId=task().prompt_id)
    assert rig.session.calls == [(verb, task().prompt_id)]


async def test_refused_click_shows_error_that_can_be_dismissed() -> None:
    rig = PageRig()
    rig.session.refusal = NoServerAvailable("cancel")
    await rig.act("cancel", promptId="x")
    (number, error) = rig.ui.errors[0]
    assert error is rig.session.refusal
    await rig.act("dismiss-notice", key="error", number=str(number))
    assert rig.ui.errors == ()


async def test_giving_up_asks_first() -> None:
    rig = PageRig()
    await rig.act("ask-give-up", promptId="x")
    assert rig.ui.dialog == GiveUpDialog("x")
    assert rig.session.calls == []
    await rig.act("give-up", promptId="x")
    assert rig.ui.dialog is None


async def test_a_picture_opens_large_and_closes() -> None:
    rig = PageRig()
    await rig.act("open-picture", promptId="x", index="2")
    assert rig.ui.dialog == PictureDialog("x", 2)
    await rig.act("close-dialog")
    assert rig.ui.dialog is None


@pytest.mark.parametrize("action", ["close-dialog", "leave-dialog"])
async def test_compared_results_are_picked_no_more(action: str) -> None:
    rig = PageRig()
    sides = [Compared(name, "Dunes", "One", 0.0, "") for name in ("a/0", "b/0")]
    results = rig.ui.of(ResultsState)
    picked = replace(results, album=replace(results.album, picked=frozenset({"a/0", "b/0"})))
    rig.context.set_ui(replace(rig.ui.with_slices(picked), dialog=CompareDialog(*sides)))
    await rig.act(action)
    assert rig.ui.dialog is None
    assert rig.ui.of(ResultsState).album.picked == frozenset()


@pytest.mark.parametrize("action", ["close-dialog", "leave-dialog"])
async def test_comparison_closes_to_the_result_it_was_opened_from(action: str) -> None:
    rig = PageRig()
    sides = [Compared(name, "Dunes", "One", 0.0, "") for name in ("a/0", "b/0")]
    large = PictureDialog("a", 0, BatchId("sheet"), was_compared=True)
    results = rig.ui.of(ResultsState)
    picked = replace(results, album=replace(results.album, picked=frozenset({"c/0"})))
    dialog = CompareDialog(*sides, returns_to=large)
    rig.context.set_ui(replace(rig.ui.with_slices(picked), dialog=dialog))
    await rig.act(action)
    assert rig.ui.dialog == large
    assert rig.ui.of(ResultsState).album.picked == frozenset({"c/0"}), "what was not compared stays picked"
    await rig.act(action)
    assert rig.ui.dialog == SheetDialog(BatchId("sheet"))


async def test_names_of_saved_files_close_to_the_result_they_were_opened_from() -> None:
    rig = PageRig()
    large = PictureDialog("a", 0)
    await rig.act("open-picture", promptId="a", index="0")
    await rig.act("open-saving")
    assert rig.ui.dialog == SavingDialog(large)
    await rig.act("leave-dialog")
    assert rig.ui.dialog == large
    await rig.act("leave-dialog")
    await rig.act("open-saving")
    assert rig.ui.dialog == SavingDialog(), "it was opened from the page"


async def test_file_without_picture_is_reported_at_its_field() -> None:
    rig = PageRig()
    await rig.give((b"text", "notes.txt"))
    assert rig.draft.faults[IMAGE].cause == "not-a-picture"
    assert not rig.draft.pictures
    await rig.give((b"", "empty.png"))
    assert rig.draft.faults[IMAGE].cause == "empty"


async def test_invalid_file_keeps_the_picture_and_says_why() -> None:
    rig = PageRig()
    await rig.give((b"picture", "boat.png"))
    await rig.give((b"text", "notes.txt"), key=IMAGE)
    assert rig.draft.pictures[IMAGE].picked.name == "boat.png"
    assert [error.cause for _, error in rig.ui.errors if isinstance(error, BadInput)] == ["not-a-picture"]


async def test_a_good_picture_takes_the_fault_away() -> None:
    rig = PageRig()
    await rig.give((b"text", "notes.txt"))
    await rig.give((b"picture", "boat.png"))
    assert rig.draft == Draft(pictures={IMAGE: Picture(Picked(Bytes(b"picture"), "boat.png"), "blob:1", 640, 480)})


async def test_replaced_picture_keeps_its_address_while_undo_brings_it_back() -> None:
    rig = PageRig()
    await rig.give((b"picture", "one.png"))
    await rig.give((b"picture", "two.png"))
    assert list(rig.screen.urls) == ["blob:1", "blob:2"]
    await rig.act("undo")
    await rig.give((b"picture", "three.png"))
    assert list(rig.screen.urls) == ["blob:1", "blob:3"], "the second one is revoked"


async def test_late_picture_goes_into_its_own_workflow() -> None:
    rig = PageRig()
    rig.actions.take_files(None, [(Bytes(), "boat.png")])
    rig.ui = rig.ui.with_slices(replace(rig.ui.of(FormState), workflow_id="text"))
    await rig.done()
    assert rig.draft == Draft()
    assert rig.ui.of(FormState).drafts["enlarge"].pictures


async def test_a_workflow_without_pictures_says_so() -> None:
    rig = PageRig("text")
    await rig.give((b"picture", "boat.png"))
    assert rig.ui.errors[0][1].cause == "no-picture-field"
