"""The outputs of a task by the evidence: which exist, and what shows that they are the task's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.evidence import Cached, Finished, Started
from app.core.model import Delivery, NodeId, Output, TaskDelivery
from tests.kit.builders import after, output, submitted

# Outputs


def merge_outputs(known: tuple[Output, ...], reported: tuple[Output, ...]) -> tuple[Output, ...]:
    return TaskDelivery(outputs=known).with_reported(reported).outputs


def test_outputs_are_merged_once_in_history_order() -> None:
    reported = (output("b.png"), output("a.png"))
    history = (output("a.png"), output("b.png"), output("c.png"))
    assert merge_outputs(reported, history) == history
    assert merge_outputs((output("x.png"),), history) == (*history, output("x.png"))


def test_a_delivery_that_is_known_survives_and_keeps_its_place() -> None:
    """Kept bytes are found by their index in the list."""
    home = (output("b.png", delivery=Delivery.KEPT, size=9), output("a.png"))
    history = (output("a.png"), output("b.png"), output("c.png"))
    assert merge_outputs(home, history) == (*home, output("c.png"))


def test_same_name_of_two_nodes_or_folders_is_two_files() -> None:
    files = (output("a.png", "3"), output("a.png", "4"), output("a.png", "3", folder="temp"))
    assert merge_outputs((), files) == files


PLACES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(PLACES, PLACES, st.sets(st.sampled_from("abcdef")))
def test_merging_keeps_all_files_and_order_of_delivered_ones(
    known: list[str], reported: list[str], home: set[str]
) -> None:
    have = tuple(output(name, delivery=Delivery.KEPT if name in home else Delivery.PENDING) for name in known)
    merged = merge_outputs(have, tuple(output(name) for name in reported))
    names = [item.filename for item in merged]
    assert sorted(names) == sorted({*known, *reported})
    for index, item in enumerate(have):
        if item.delivery is Delivery.KEPT:
            assert merged[index] == item


def test_results_are_in_the_order_of_the_workflows_nodes() -> None:
    """A history has them as they were made: those of cached nodes first."""
    made = (output("c.png", "7"), output("b.png", "2.0.0.1"), output("a.png", "5"), output("d.png", "5"))
    sorted_by_node = tuple(made[place] for place in (2, 3, 1, 0))
    ended = after(submitted(workflow='{"5": {}, "2": {}, "1": {}}'), Finished(201.0, "success", made))
    assert ended.delivery.outputs == sorted_by_node
    assert after(submitted(), Finished(201.0, "success", made)).delivery.outputs == made, "its workflow is not known"


# Whose file it is


def test_start_and_cached_nodes_survive_both_sources() -> None:
    reported = after(submitted(), Started(200.0, 5_000), Cached(200.1, (NodeId("3"),)))
    assert (reported.end.server_started_ms, reported.end.cached) == (5_000, (NodeId("3"),))
    silent = after(reported, Finished(201.0, "success"))
    assert (silent.end.server_started_ms, silent.end.cached) == (5_000, (NodeId("3"),)), "history takes nothing away"
    read = after(submitted(), Finished(201.0, "success", started_ms=6_000, cached=(NodeId("4"),)))
    assert (read.end.server_started_ms, read.end.cached) == (6_000, (NodeId("4"),))
