"""Progress: it rises, it never falls, and a successful run completes it."""

from __future__ import annotations

import json
from dataclasses import replace

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
from app.core.plan import Plan, guessed
from app.core.progress import Progress
from tests.kit import captures

P = PromptId("p-1")
NODES = [NodeId(str(number)) for number in range(1, 5)]


def advance(progress: Progress, *messages: Message) -> Progress:
    """The progress after all of these messages."""
    for message in messages:
        progress = progress.after(message)
    return progress


def step(node: str, value: float, maximum: float, state: str = "running") -> ProgressMessage:
    """How far one node is."""
    return ProgressMessage(P, (NodeProgress(NodeId(node), value, maximum, state),))


def test_each_node_counts_alike() -> None:
    progress = advance(Progress(P, 4), StartMessage(P), CachedMessage(P, (NODES[0],)))
    assert progress.fraction == 0.25
    assert advance(progress, step("2", 2, 4)).fraction == 0.375
    assert advance(progress, step("2", 2, 4), step("2", 4, 4, "finished")).fraction == 0.5


def test_the_running_node_and_its_steps_are_shown() -> None:
    progress = advance(Progress(P, 3), ExecutingMessage(P, NODES[1]), step("2", 7, 60))
    assert (progress.node, progress.value, progress.maximum) == ("2", 7.0, 60.0)
    after = advance(progress, ExecutingMessage(P, NODES[2]))
    assert (after.node, after.value, after.maximum) == ("3", 0.0, 0.0)


def test_a_node_without_steps_shows_none() -> None:
    """Every node begins as 0 of 1; that is no step."""
    progress = advance(Progress(P, 3), step("2", 0.0, 1.0))
    assert (progress.node, progress.value, progress.maximum) == ("2", 0.0, 0.0)


def test_a_repeated_state_does_not_hide_the_steps() -> None:
    progress = advance(Progress(P, 3), ExecutingMessage(P, NODES[1]), step("2", 7, 60), step("2", 0.0, 1.0))
    assert (progress.value, progress.maximum) == (7.0, 60.0)


def test_second_part_of_expanded_node_never_lowers_progress() -> None:
    progress = advance(Progress(P, 2), step("2", 2, 2, "finished"))
    assert advance(progress, step("2", 0, 2)).fraction == progress.fraction


def test_only_a_good_end_is_progress() -> None:
    progress = advance(Progress(P, 3), step("2", 1, 2))
    for message in (
        EndMessage(P, "error"),
        EndMessage(P, "interrupted"),
        ExecutingMessage(P, None),
        UnknownMessage("x"),
    ):
        assert advance(progress, message) == progress
    assert advance(progress, EndMessage(P, "success")).fraction == 1.0, "also without nodes that nothing needed"


def weighed(**weights: float) -> Progress:
    """A progress over nodes with these weights."""
    return Progress(P, len(weights), weights={NodeId(name[1:]): weight for name, weight in weights.items()})


def test_a_node_counts_by_its_weight() -> None:
    progress = weighed(n1=1.0, n2=18.0, n3=1.0)
    assert advance(progress, step("1", 1, 1, "finished")).fraction == pytest.approx(0.05)
    assert advance(progress, step("1", 1, 1, "finished"), step("2", 5, 10)).fraction == pytest.approx(0.5)


def test_cached_node_is_done_and_weighs_least() -> None:
    progress = advance(weighed(n1=30.0, n2=9.5, n3=0.5), StartMessage(P), CachedMessage(P, (NodeId("1"),)))
    assert progress.done == {"1": 1.0}
    assert progress.fraction == pytest.approx(0.5 / 10.5), "the load that is not needed is no part of the time"
    assert advance(progress, step("2", 10, 20)).fraction == pytest.approx(5.25 / 10.5)


def test_a_node_that_expands_is_as_far_as_its_parts() -> None:
    def part(name: str, value: float, maximum: float, state: str = "running") -> ProgressMessage:
        return ProgressMessage(P, (NodeProgress(NodeId("2"), value, maximum, state, name),))

    begun = advance(weighed(n2=1.0), step("2", 0, 1), part("2.0.0.1", 5, 10))
    assert begun.fraction == pytest.approx(0.25), "one half of at least two parts"
    assert begun.node == "2"
    first = advance(begun, part("2.0.0.1", 10, 10, "finished"))
    assert first.fraction == pytest.approx(0.5)
    second = advance(first, part("2.0.0.2", 10, 10))
    assert second.fraction == pytest.approx(2 / 3)
    assert advance(second, step("2", 1, 1, "finished")).fraction == 1.0


def test_node_counting_steps_twice_advances_by_rows() -> None:
    rows = replace(weighed(n2=1.0), expected_parts={NodeId("2"): 4})
    once = advance(rows, *(step("2", value, 10) for value in range(11)))
    assert once.fraction == pytest.approx(0.25)
    assert advance(once, step("2", 5, 10)).fraction == pytest.approx(0.375)
    assert advance(once, *(step("2", value, 10) for value in range(11))).fraction == pytest.approx(0.5)


def test_unexpected_steps_add_weight_only_if_guessed() -> None:
    known = weighed(n1=2.0, n2=0.25)
    assert advance(known, step("2", 10, 20)).fraction == pytest.approx(0.125 / 2.25)
    guessed = advance(replace(known, are_guessed=True), step("2", 10, 20))
    assert guessed.fraction == pytest.approx(5.0 / 12.0)


@pytest.mark.parametrize("total", [0, 1, 2])
def test_more_nodes_than_expected_stay_within_the_bar(total: int) -> None:
    """Nodes that a node expands to at run time may come without a display node."""
    progress = advance(Progress(P, total), *(ExecutedMessage(P, node, ()) for node in NODES))
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
        before, progress = progress, progress.after(message)
        assert before.fraction <= progress.fraction <= 1.0
        assert progress.total == total


def of_prompt(text: object) -> tuple[PromptId, Message] | None:
    """A captured text as a message about a prompt."""
    message = read_text(json.dumps(text))
    prompt_id = getattr(message, "prompt_id", None)
    return (prompt_id, message) if prompt_id else None


def begun(prompt_id: PromptId) -> Progress:
    """The progress of a captured prompt before its events; one of unknown workflow had three nodes."""
    workflow = captures.workflow_of(prompt_id)
    plan = guessed(workflow) if workflow is not None else Plan()
    return Progress(prompt_id, len(plan.seconds) or 3, weights=plan.weights(is_cold=True), are_guessed=True)


def test_every_captured_progress_rises_to_a_successful_end() -> None:
    """Whatever else that socket received, and whenever it was opened."""
    ends = rises = 0
    for frames in captures.sockets():
        reported = [found for item in frames.messages if "text" in item and (found := of_prompt(item["text"]))]
        for prompt_id in {found[0] for found in reported}:
            progress = begun(prompt_id)
            for message in (message for about, message in reported if about == prompt_id):
                before, progress = progress, progress.after(message)
                assert before.fraction <= progress.fraction <= 1.0, frames.where
                rises += progress.fraction > before.fraction
                if isinstance(message, EndMessage):
                    ends += message.end == "success"
                    assert (progress.fraction == 1.0) == (message.end == "success"), frames.where
    assert ends >= 15
    assert rises >= 60


def test_captured_run_is_not_done_before_its_last_node() -> None:
    run = captures.one("02h_expand")
    prompt_id = PromptId(run["post"]["body"]["prompt_id"])
    progress = begun(prompt_id)
    seen = []
    for item in run["ws_client"]:
        if "text" in item and (found := of_prompt(item["text"])) and found[0] == prompt_id:
            progress = progress.after(found[1])
            seen.append((progress.node, progress.fraction))
    assert max(far for node, far in seen if node == "2") < 1.0
    assert min(far for node, far in seen if node == "3") > 0.5, "the node that expanded is done by then"
