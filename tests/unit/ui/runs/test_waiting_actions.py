"""Actions on single waiting runs: order by dragging, other values, cancelling, and the number of servers."""

from __future__ import annotations

import json

from app.core.model import BatchId, Cell, Part, PromptId
from app.core.waiting_runs import Batch, WaitingRun, WaitingRuns, read_values, write_values
from app.ui.kit.state import UiState
from app.ui.kit.words import SEPARATOR
from app.ui.runs.edit import EditDialog
from app.ui.runs.state import RunsState
from app.ui.runs.stopping import to_stop
from app.ui.runs.waiting import CancelDialog
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ME, StillLine, StillSession, ended, fleet, server, task, window, workflows
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.ports.tasks import changed
from tests.unit.ui.page.test_actions import SEED
from tests.unit.ui.runs.test_own_windows import mate
from tests.unit.ui.runs.test_waiting import waiting

TEXT = ("1", "text")
FIRST = PromptId("r-0")


def runs(batch: str, *texts: str, cell: Cell | None = None) -> WaitingRuns:
    """Waiting runs of the sample that makes a picture from a text."""
    name = BatchId(batch)
    entries = [
        WaitingRun(
            prompt_id=PromptId(f"r-{number}"),
            owner=ME,
            part=Part(batch_id=name, index=number, label=text, cell=cell),
            values=write_values({TEXT: text, SEED: 7}),
        )
        for number, text in enumerate(texts)
    ]
    kept = Batch(batch_id=name, workflow=workflows()[2].workflow.text, title="Text to picture")
    return WaitingRuns(window_id=ME).join(kept, entries, "line-1")


def rig(line: WaitingRuns) -> PageRig:
    return PageRig(
        "text", session=StillSession(fleet=fleet(server("a"), server("b"), server("c")), line=StillLine(line=line))
    )


def shown(made: PageRig, region: str = "dialogs") -> str:
    return markup(page(made.session, made.context.ui), region)


# Order


async def test_run_is_dragged_before_or_after_another() -> None:
    made = rig(waiting("one", "two", "three"))

    async def drag(name: str, beside: str, *, is_after: bool) -> None:
        made.actions.act("line-move", {"promptId": name, "beside": beside, "isAfter": is_after})
        await made.context.done()

    await drag("p-2", "p-0", is_after=False)
    await drag("p-0", "p-1", is_after=True)
    await drag("p-0", "p-2", is_after=True)
    await drag("p-1", "p-0", is_after=True)
    assert made.session.line.calls == [
        ("move", "p-2", "p-0"), ("move", "p-0", "p-2"), ("move", "p-0", None), ("move", "p-1", "p-2"),
    ]  # fmt: skip
    await drag("p-0", "p-0", is_after=True)
    await drag("p-0", "gone", is_after=True)
    await drag("gone", "p-0", is_after=True)
    assert len(made.session.line.calls) == 4


def test_run_being_sent_cannot_be_dragged_or_edited() -> None:
    text = markup(
        page(StillSession(line=StillLine(line=waiting("one", "two"), sending=frozenset({PromptId("p-0")})))), "waiting"
    )
    assert len(elements(text, data_drag="line-move")) == len(elements(text, data_action="line-edit")) == 1


# Editing


async def test_run_is_edited_from_its_own_values() -> None:
    made = rig(runs("b", "a dune", "a lake"))
    await made.act("line-edit", promptId=FIRST)
    assert element(shown(made), data_name="text").text == "a dune"
    assert element(shown(made), data_name="seed")["value"] == "7"
    made.actions.act("edit", {"node": "1", "name": "text", "value": "a red dune"})
    made.actions.act("edit", {"node": "1", "name": "seed", "value": "18446744073709551615"})
    await made.act("save-edit")
    assert made.session.line.calls == [
        ("edit", FIRST, {TEXT: "a red dune", SEED: 2**64 - 1}, "a red dune · seed 18446744073709551615")
    ]
    assert made.context.ui.dialog is None


async def test_invalid_value_is_reported_at_its_field() -> None:
    made = rig(runs("b", "a dune"))
    await made.act("line-edit", promptId=FIRST)
    made.actions.act("edit", {"node": "1", "name": "seed", "value": "many"})
    assert "This has to be a number" in shown(made)
    await made.act("save-edit")
    assert made.session.line.calls == [] and isinstance(made.context.ui.dialog, EditDialog)


async def test_another_input_can_be_edited() -> None:
    made = rig(runs("b", "a dune"))
    await made.act("line-edit", promptId=FIRST)
    names = json.loads(element(shown(made, "lists"), id="edit-names").text)
    made.actions.act("edit-more", {"value": next(name for name in names if name.startswith("steps"))})
    assert element(shown(made), data_name="steps")["value"] == "20"
    made.actions.act("edit", {"node": "1", "name": "steps", "value": "4"})
    await made.act("save-edit")
    assert made.session.line.calls[0][2] == {TEXT: "a dune", SEED: 7, ("1", "steps"): 4}


async def test_run_that_was_sent_cannot_be_edited() -> None:
    made = rig(runs("b", "a dune"))
    await made.act("line-edit", promptId=FIRST)
    made.session.line.sending = frozenset({FIRST})
    assert "It is on its way already" in shown(made)
    await made.act("save-edit")
    assert made.session.line.calls == []
    made.session.line.line = None
    await made.act("line-edit", promptId=FIRST)
    assert "It is on its way already" in shown(made)


def test_edited_run_leaves_its_contact_sheet() -> None:
    line = runs("b", "a dune", cell=Cell(column=0, row=0, column_label="a dune"))
    same = line.edit(FIRST, read_values(line.entries[0].values), "a dune")
    assert same.entries[0].part.cell is not None
    other = line.edit(FIRST, {TEXT: "a lake"}, "a lake")
    assert other.entries[0].part.cell is None
    dialog = page(StillSession(line=StillLine(line=line)), UiState(dialog=EditDialog(FIRST)))
    assert "leaves the contact sheet" in markup(dialog, "dialogs")


# Cancelling


async def test_stop_asks_which_runs_and_says_what_was_stopped() -> None:
    running = task("a", part=Part(batch_id=BatchId("other"), index=0), title="Lakes")
    made = rig(runs("b", "a dune", "a lake"))
    made.session.window, made.session.others = window(running), (mate(1, task("c", "b")),)
    await made.act("ask-cancel-mine")
    assert made.context.ui.dialog == CancelDialog()
    text = shown(made)
    assert len(elements(text, data_testid="plan")) == 2
    assert f"2 waiting{SEPARATOR}2 on a server" in text and "Lakes" in text
    assert [item.text for item in elements(text, data_action="cancel-mine")] == ["Stop 1", "Stop 2", "Stop all 4 runs"]
    await made.act("cancel-mine", batchId="other")
    await made.act("cancel-mine", batchId="")
    assert made.session.line.calls == [("cancel_mine", "other"), ("cancel_mine", None)]
    assert made.context.ui.dialog is None
    assert made.context.ui.of(RunsState).stopped.is_asked
    assert len(elements(shown(made, "now"), data_action="ask-cancel-mine")) == 1
    assert not elements(shown(made, "waiting"), data_action="ask-cancel-mine")
    asked = [changed(item, cancel_asked_at=5.0) for item in (running, task("c", "b"))]
    made.session.window, made.session.others, made.session.line = window(asked[0]), (mate(1, asked[1]),), StillLine()
    notice = shown(made, "errors")
    assert "Stopping 2 runs" in notice and "2 waited and are not sent" in notice
    await made.act("dismiss-notice", key="stopped 2", number="2")
    assert not elements(shown(made, "errors"), data_testid="notice")


def test_only_the_runs_of_the_chosen_plan_are_stopped() -> None:
    line, part = runs("b", "a dune", "a lake"), Part(batch_id=BatchId("other"), index=0)
    tasks = [task("a", part=part), task("c"), task("d", part=part, cancel_asked_at=5.0)]
    everything, other = (to_stop(line, tasks, (), batch, 3) for batch in (None, BatchId("other")))
    assert (len(everything.entries), everything.tasks) == (2, tuple(item.prompt_id for item in tasks[:2]))
    assert (other.entries, other.tasks, other.number) == ((), (tasks[0].prompt_id,), 3)


def test_several_running_tasks_can_be_cancelled_together() -> None:
    text = markup(page(StillSession(window=window(task("a"), task("b")))), "now")
    assert elements(text, data_action="ask-cancel-mine")


def test_single_task_needs_no_cancel_mine() -> None:
    assert not elements(markup(page(StillSession(window=window(task("a")))), "now"), data_action="ask-cancel-mine")


# Servers


async def test_waiting_runs_can_be_spread_over_more_servers() -> None:
    made = rig(waiting("one"))
    text = shown(made, "waiting")
    assert "3 servers" in text and not elements(text, data_testid="own-windows")
    made.actions.act("line-spread", {"value": "3"})
    await made.context.done()
    assert made.session.line.calls == [("spread", 3)]


def test_windows_at_work_are_shown_with_servers() -> None:
    session = StillSession(
        fleet=fleet(server("gpu-1"), server("gpu-2")),
        window=window(task("a", "gpu-1")),
        others=(mate(1, task("b", "gpu-2"), task("c", "gpu-2")), mate(2)),
        line=StillLine(line=waiting("one").spread(3)),
    )
    text = markup(page(session), "waiting")
    items = elements(text, data_testid="own-window")
    found = [(item["data-server"], item["data-count"]) for item in items]
    assert found == [("gpu-1", "1"), ("gpu-2", "2")], "none for a session without a server"
    session.line.line = None
    assert not elements(markup(page(StillSession()), "waiting"), data_testid="own-windows")


def test_introduction_is_short_once_there_are_results() -> None:
    assert "Nothing running" not in markup(page(StillSession(window=window())), "now")
    assert "Nothing running" in markup(page(StillSession(window=window(ended("a")))), "now")
