"""Progress: it rises, it never falls, and a run that succeeds brings it to its end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    CachedMessage,
    EndMessage,
    ExecutedMessage,
    ExecutingMessage,
    Message,
    NodeProgress,
    ProgressMessage,
    StartMessage,
    UnknownMessage,
    read_text,
)
from app.core.model import NodeId, PromptId
from app.core.progress import Progress
from tests.unit.core import captures

P = PromptId("p-1")
NODES = [NodeId(str(number)) for number in range(1, 5)]


def told(progress: Progress, *messages: Message) -> Progress:
    """The progress after all of them."""
    for message in messages:
        progress = progress.told(message)
    return progress


def step(node: str, value: float, maximum: float, state: str = "running") -> ProgressMessage:
    """How far one node is."""
    return ProgressMessage(P, (NodeProgress(NodeId(node), value, maximum, state),))


def test_each_node_counts_alike() -> None:
    progress = told(Progress(P, 4), StartMessage(P), CachedMessage(P, (NODES[0],)))
    assert progress.fraction == 0.25
    assert told(progress, step("2", 2, 4)).fraction == 0.375
    assert told(progress, step("2", 2, 4), step("2", 4, 4, "finished")).fraction == 0.5


def test_the_running_node_and_its_steps_are_shown() -> None:
    progress = told(Progress(P, 3), ExecutingMessage(P, NODES[1]), step("2", 7, 60))
    assert (progress.node, progress.value, progress.maximum) == ("2", 7.0, 60.0)
    after = told(progress, ExecutingMessage(P, NODES[2]))
    assert (after.node, after.value, after.maximum) == ("3", 0.0, 0.0)


def test_a_node_without_steps_shows_none() -> None:
    """Every node begins as 0 of 1; that is no step to count."""
    progress = told(Progress(P, 3), step("2", 0.0, 1.0))
    assert (progress.node, progress.value, progress.maximum) == ("2", 0.0, 0.0)


def test_a_repeated_state_does_not_hide_the_steps() -> None:
    progress = told(Progress(P, 3), ExecutingMessage(P, NODES[1]), step("2", 7, 60), step("2", 0.0, 1.0))
    assert (progress.value, progress.maximum) == (7.0, 60.0)


def test_a_second_part_of_an_expanded_node_does_not_take_progress_back() -> None:
    progress = told(Progress(P, 2), step("2", 2, 2, "finished"))
    assert told(progress, step("2", 0, 2)).fraction == progress.fraction


def test_the_end_of_a_run_is_no_progress_and_no_error() -> None:
    progress = told(Progress(P, 3), step("2", 1, 2))
    for message in (EndMessage(P, "success"), ExecutingMessage(P, None), UnknownMessage("x")):
        assert told(progress, message) == progress


@pytest.mark.parametrize("total", [0, 1, 2])
def test_more_nodes_than_expected_stay_within_the_bar(total: int) -> None:
    """Nodes that a node expands to at run time may come without a display node."""
    progress = told(Progress(P, total), *(ExecutedMessage(P, node, ()) for node in NODES))
    assert progress.fraction == 1.0


NUMBERS = st.integers(-2, 9) | st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0])
MESSAGES = st.one_of(
    st.just(StartMessage(P)),
    st.builds(CachedMessage, st.just(P), st.lists(st.sampled_from(NODES), max_size=3).map(tuple)),
    st.builds(ExecutingMessage, st.just(P), st.sampled_from([None, *NODES])),
    st.builds(ExecutedMessage, st.just(P), st.sampled_from(NODES), st.just(())),
    st.builds(
        ProgressMessage,
        st.just(P),
        st.lists(
            st.builds(
                NodeProgress, st.sampled_from(NODES), NUMBERS, NUMBERS, st.sampled_from(["running", "finished", "odd"])
            ),
            max_size=3,
        ).map(tuple),
    ),
    st.just(EndMessage(P, "success")),
)


@given(st.integers(0, 6), st.lists(MESSAGES, max_size=12))
def test_progress_never_falls_and_stays_within_the_bar(total: int, messages: list[Message]) -> None:
    progress = Progress(P, total)
    for message in messages:
        before, progress = progress, progress.told(message)
        assert before.fraction <= progress.fraction <= 1.0
        assert progress.total == total


RUNS = [
    "02a_run_noflags_jpeg", "02b_run_cached_identical", "02c_run_partly_cached", "02d_run_flags_metadata_jpeg",
    "02e_run_flags_metadata_png", "02f_run_noflags_png", "02g_execution_error", "02h_expand", "02i_sendtext",
    "02j_two_outputs_batch2",
]  # fmt: skip


@captures.NEEDED
@pytest.mark.parametrize("name", RUNS)
def test_a_captured_run_rises_and_reaches_the_end_only_by_success(name: str) -> None:
    run = captures.one(name)
    prompt_id = PromptId(run["post"]["body"]["prompt_id"])
    progress, ended, rose = Progress(prompt_id, len(run["prompt"])), "", 0
    for item in run["ws_client"]:
        if "text" not in item:
            continue
        message = read_text(json.dumps(item["text"]))
        if getattr(message, "prompt_id", None) != prompt_id:
            continue
        before, progress = progress, progress.told(message)
        assert progress.fraction >= before.fraction
        rose += progress.fraction > before.fraction
        if isinstance(message, EndMessage):
            ended = message.end
    assert ended == ("error" if "error" in name else "success")
    assert (progress.fraction == 1.0) == (ended == "success")
    assert rose >= 1
