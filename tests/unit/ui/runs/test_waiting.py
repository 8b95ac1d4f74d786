"""The waiting runs on the page: what is listed, why they are not sent, and what each button does."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from app.core.balancer import ANY
from app.core.errors import BadInput, ConnectError, NoServerAvailable, StorageError
from app.core.model import BatchId, Part, PromptId, ServerId, WindowId
from app.core.waiting_runs import Batch, Pause, WaitingRun, WaitingRuns
from app.session import Run, RunStage
from app.ui.form.state import FormState
from app.ui.kit.state import UiState
from app.ui.kit.words import SEPARATOR
from app.ui.runs.files import WorkView
from app.ui.runs.run_labels import run_label
from app.ui.runs.state import MOST_COUNT, Hold, RunsState
from app.ui.runs.waiting import FEW, SHOWN, cancel_view
from app.workflows.forms.kinds import SeedMode
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ME, StillLine, StillSession, ended, task, window
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.unit.ui.page.test_actions import SEED


def waiting(*labels: str) -> WaitingRuns:
    """Waiting runs with these labels."""
    batch = Batch(batch_id=BatchId("b"), workflow="{}", title="Dunes")
    entries = [
        WaitingRun(
            prompt_id=PromptId(f"p-{number}"), owner=ME, part=Part(batch_id=BatchId("b"), index=number, label=label)
        )
        for number, label in enumerate(labels)
    ]
    return WaitingRuns(window_id=ME).join(batch, entries, "line-1")


def shown(line: StillLine) -> str:
    return markup(page(StillSession(line=line)), "waiting")


def test_panel_is_empty_if_nothing_waits() -> None:
    assert shown(StillLine()) == shown(StillLine(line=WaitingRuns(window_id=ME))) == ""


def test_waiting_runs_are_listed_in_order() -> None:
    text = shown(StillLine(line=waiting("seed 7", "seed 8", "<b>seed 9</b>")))
    assert [item.text for item in elements(text, class_="row-part")] == ["seed 7", "seed 8", "<b>seed 9</b>"]
    assert "Keep this page open until all are sent; a reload is fine." in text
    assert "Dunes" in text


def test_first_and_last_runs_move_only_inwards() -> None:
    text = shown(StillLine(line=waiting("one", "two")))
    assert [item["data-prompt-id"] for item in elements(text, data_action="line-up")] == ["p-1"]
    assert [item["data-prompt-id"] for item in elements(text, data_action="line-down")] == ["p-0"]
    assert len(elements(text, data_action="line-remove")) == 2


def test_run_being_sent_can_only_be_removed() -> None:
    line = StillLine(line=waiting("one", "two", "three"), sending=frozenset({PromptId("p-1")}))
    text = shown(line)
    assert "Being sent …" in text
    labels = [item.attributes.get("aria-label") or "" for item in elements(text, "button")]
    assert [label for label in labels if label.endswith(": two")] == ["Remove: two"]


def test_long_list_shows_its_start_and_its_length() -> None:
    line = StillLine(line=waiting(*(f"seed {number}" for number in range(SHOWN + 3))))
    text = shown(line)
    assert len(elements(text, data_testid="waiting-item")) == FEW
    assert f"{SHOWN + 3 - FEW} more" in text and element(text, data_testid="waiting-count").text == str(SHOWN + 3)
    whole = UiState().with_slices(RunsState(is_whole=True))
    text = markup(page(StillSession(line=line), whole), "waiting")
    assert len(elements(text, data_testid="waiting-item")) == SHOWN
    assert "and 3 more" in text


def test_held_rows_keep_their_places_when_runs_are_sent() -> None:
    sent = task("a", part=Part(batch_id=BatchId("b"), index=0, label="one"), title="Dunes")
    line = StillLine(line=waiting("one", "two", "three"))
    first, second, third = (entry.prompt_id for entry in line.line.entries) if line.line else ()
    hold = Hold(rows=(), waiting=(sent.prompt_id, second, third))
    session = StillSession(window=window(sent), line=line)
    line.line = waiting("zero", "two", "three").without(first)  # it was sent
    view = page(session, UiState().with_slices(RunsState(hold=hold)))
    assert [(item.prompt_id, item.sent is not None) for item in view.waiting.items] == [
        (sent.prompt_id, True), (second, False), (third, False),
    ]  # fmt: skip
    assert view.waiting.count == 2 and not view.now.cards, "its row is in the line still"
    assert element(markup(view, "waiting"), data_state="sent")["data-prompt-id"] == sent.prompt_id
    let_go = page(session)
    assert [card.task for card in let_go.now.cards] == [sent] and len(let_go.waiting.items) == 2


def test_each_run_of_a_batch_is_counted_and_described_once() -> None:
    part = [Part(batch_id=BatchId("b"), index=index, label=f"photo{index}.png") for index in range(3)]
    done, busy = ended("a", part=part[0]), task("b", part=part[1])
    line = waiting("photo2.png", "photo3.png")
    first = line.entries[0].prompt_id
    run = Run(prompt_id=first, title="Dunes", started_at=1.0, stage=RunStage.UPLOADING, sent=1, size=2)
    hold = RunsState(hold=Hold(waiting=(done.prompt_id, busy.prompt_id, first)))
    session = StillSession(
        window=window(done, busy), line=StillLine(line=line, sending=frozenset({first})), runs=(run,)
    )
    view = page(session, UiState().with_slices(hold))
    assert not view.now.runs, "the run on its way has a row in the line"
    assert (view.now.busy, view.waiting.count, view.tabs.busy) == (1, 2, 3)
    assert view.header.running + view.header.waiting == 3
    assert element(markup(view, "now"), data_testid="now-count").text == "3"
    text = markup(view, "waiting")
    assert [item.text for item in elements(text, class_="row-part")] == [
        "photo0.png", "photo1.png", "photo2.png", "photo3.png",
    ]  # fmt: skip
    assert [item.text for item in elements(text, data_testid="sent")] == ["Uploading: 1 B of 2 B"]
    signs = [icon["href"] for icon in elements(text, "use") if icon["href"] in {"#icon-check", "#icon-run"}]
    assert signs == ["#icon-check", "#icon-run"], "only what has ended has a tick"
    assert "1 run under way is listed below" in markup(view, "now") and "Nothing running" not in markup(view, "now")
    empty = StillLine(line=WaitingRuns(window_id=ME))
    over = page(StillSession(window=window(done, busy), line=empty), UiState().with_slices(hold))
    text = markup(over, "waiting")
    assert "All of them are sent" in text
    assert not elements(text, data_testid="waiting-count") and not elements(text, data_testid="line-spread")
    assert over.now.busy == 1
    follows = WorkView(batch_id=BatchId("b"), title="Dunes", to_come=4)
    assert not replace(over.waiting, files=(follows,)).is_all_sent and over.waiting.is_all_sent


def test_paused_runs_say_why_and_can_be_resumed() -> None:
    refused = StillLine(line=waiting("one").hold(Pause.REJECTED, PromptId("x")))
    assert "would refuse the others too" in shown(refused)
    lost = StillLine(line=waiting("one").hold(Pause.UNUSABLE), refusal=BadInput("input-not-kept", "dunes.png"))
    assert "“dunes.png” is no longer kept" in shown(lost)
    for line in (refused, lost, StillLine(line=waiting("one").hold(Pause.ASKED))):
        assert elements(shown(line), data_action="line-resume")
        assert not elements(shown(line), data_action="line-pause")


def test_unsendable_runs_say_why_until_paused() -> None:
    cause = ConnectError(ServerId("gpu-1"), "down")
    assert "gpu-1 cannot be reached" in shown(StillLine(line=waiting("one"), stalled_by=cause))
    paused = waiting("one").hold(Pause.ASKED)
    assert "cannot be reached" not in shown(StillLine(line=paused, stalled_by=cause))


def test_send_all_says_when_the_page_may_be_closed() -> None:
    text = shown(StillLine(line=waiting("one").send_all()))
    assert "this page may be closed" in text
    assert elements(text, data_action="line-send-few") and not elements(text, data_action="line-send-all")


def test_unreadable_waiting_runs_are_reported() -> None:
    assert shown(StillLine(error=StorageError("read_line", "blocked")))


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("line-pause", ("pause",)),
        ("line-resume", ("resume",)),
        ("line-send-all", ("send_all", True)),
        ("line-send-few", ("send_all", False)),
        ("line-up", ("step", "p-1", -1)),
        ("line-down", ("step", "p-1", 1)),
        ("line-adopt", ("adopt", "w-gone")),
    ],
)
async def test_each_button_calls_the_session(action: str, call: tuple[object, ...]) -> None:
    rig = PageRig()
    await rig.act(action, promptId="p-1", owner=WindowId("w-gone"))
    assert rig.session.line.calls == [call]


# Many runs of one click


async def test_one_run_is_sent_and_several_wait_with_own_seeds() -> None:
    numbers = itertools.count(5)
    rig = PageRig("text", random_seed=lambda _: next(numbers))
    rig.actions.act("run-count", {"value": "3"})
    await rig.act("run")
    ((verb, _, runs, title, inputs, wish, _),) = rig.session.line.calls
    assert (verb, len(runs), inputs, wish) == ("add", 3, {}, ANY)
    assert title
    assert [run.values[SEED] for run in runs] == [5, 6, 7], "each has its own seed"
    assert [run.label.rsplit(" ", 1)[1] for run in runs] == ["5", "6", "7"]
    assert rig.draft.values[SEED] == "7"
    assert not [call for call in rig.session.calls if call[0] == "run"]
    await rig.act("run")
    assert [call[0] for call in rig.session.calls] == ["run"], "the number held for one click"


async def test_fixed_seed_is_the_first_of_several_runs() -> None:
    rig = PageRig("text")
    rig.actions.act("field", {"node": SEED[0], "name": SEED[1], "value": "5"})
    rig.actions.act("run-count", {"value": "3"})
    await rig.act("run")
    ((_, _, runs, *_),) = rig.session.line.calls
    seeds = [run.values[SEED] for run in runs]
    assert seeds[0] == 5 and 5 not in seeds[1:]
    assert [run.label.rsplit(" ", 1)[1] for run in runs] == [str(seed) for seed in seeds]
    draft = rig.draft
    assert (draft.values[SEED], draft.modes[SEED]) == ("5", SeedMode.FIXED), "it stays in the form"


async def test_fixed_seed_stays_while_a_prompt_varies() -> None:
    rig = PageRig("text")
    rig.actions.act("field", {"node": SEED[0], "name": SEED[1], "value": "5"})
    rig.actions.act("field", {"node": "1", "name": "text", "value": "{dune|tide}"})
    rig.actions.act("run-count", {"value": "3"})
    await rig.act("run")
    ((_, _, runs, *_),) = rig.session.line.calls
    assert [run.values[SEED] for run in runs] == [5, 5, 5]


def test_run_count_holds_for_the_workflow_that_it_was_chosen_for() -> None:
    rig = PageRig("text")
    rig.actions.act("run-count", {"value": "3"})
    rig.actions.act("run-count-by", {"by": "1"})
    assert page(rig.session, rig.ui).run.count == 4
    rig.context.set_ui(rig.ui.with_slices(replace(rig.ui.of(FormState), workflow_id="enlarge")))
    assert page(rig.session, rig.ui).run.count == 1
    rig.actions.act("run-count-by", {"by": "1"})
    assert page(rig.session, rig.ui).run.count == 2, "counted from 1"


async def test_waiting_runs_are_labelled_in_the_pages_language() -> None:
    rig = PageRig("text")
    await rig.context.speak("zh-CN")
    rig.actions.act("run-count", {"value": "2"})
    await rig.act("run")
    ((_, _, runs, *_),) = rig.session.line.calls
    assert [run.label.split(" ")[0] for run in runs] == ["种子", "种子"]


@pytest.mark.parametrize(
    ("typed", "count"), [("0", 1), ("", 1), ("-4", 1), ("x", 1), ("99999", MOST_COUNT), ("12", 12)]
)
def test_run_count_is_limited(typed: str, count: int) -> None:
    rig = PageRig()
    rig.actions.act("run-count", {"value": typed})
    assert rig.ui.of(RunsState).run_count == count
    text = markup(page(StillSession(), UiState().with_slices(RunsState(run_count=count))), "run")
    assert element(text, id="run-count")["value"] == str(count)


def test_clicks_on_one_workflow_are_told_apart() -> None:
    text = '{{"1": {{"class_type": "Draw", "inputs": {{"text": "a tide at {}", "seed": {}}}}}}}'
    assert run_label(text.format("dawn", 7)) == f"a tide at dawn{SEPARATOR}7"
    assert len(run_label(text.format("dawn " * 50, 7))) < 80 and run_label("{}") == ""
    line = waiting("one")
    (entry,) = line.entries
    batch = replace(line.batches[entry.batch_id], workflow=text.format("dusk", 8))
    named = replace(
        line, entries=(replace(entry, part=replace(entry.part, label="")),), batches={batch.batch_id: batch}
    )
    html = markup(page(StillSession(line=StillLine(line=named))), "waiting")
    assert f"Remove: a tide at dusk{SEPARATOR}8" in html
    assert cancel_view(named, []).plans[0].label == f"a tide at dusk{SEPARATOR}8"


def test_line_that_waits_for_a_server_asks_for_nothing() -> None:
    text = shown(StillLine(line=waiting("one"), stalled_by=NoServerAvailable("reserve", {"gpu-1": "timeout"})))
    assert "It is sent by itself as soon as one can take it." in text and "gpu-1: no answer in time" in text
    assert "press Run again" not in text
