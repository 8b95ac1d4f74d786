"""Leanings: a preferred server is chosen whatever its queue, an avoided one only by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balancer import Claims, Leaning, Snapshot, Wish, choose
from app.core.errors import NoServerAvailable
from app.core.model import PromptId, ServerChoice, ServerId
from tests.kit.builders import A, B, C

NOW = 1000.0


def queue(server_id: ServerId, length: int, cause: str = "") -> Snapshot:
    ids = tuple(PromptId(f"{server_id}-{number}") for number in range(length))
    return Snapshot(server_id, ids, cause)


def chosen(*snapshots: Snapshot, wish: Wish, tie: float = 0.0) -> ServerChoice:
    return choose(snapshots, Claims(), now=NOW, tie=tie, wish=wish)


def leaning(**by_server: Leaning) -> Wish:
    return Wish(leanings={ServerId(name.replace("_", "-")): value for name, value in by_server.items()})


def test_preferred_server_is_chosen_however_loaded() -> None:
    choice = chosen(queue(A, 0), queue(B, 7), wish=leaning(gpu_b=Leaning.PREFER))
    assert (choice.server_id, choice.reason) == (B, "preferred")
    assert choice.loads == {A: 0, B: 7}


def test_of_several_preferred_ones_the_soonest_is_taken() -> None:
    wish = leaning(gpu_b=Leaning.PREFER, gpu_c=Leaning.PREFER)
    assert chosen(queue(A, 0), queue(B, 7), queue(C, 2), wish=wish).server_id == C


def test_preferred_server_without_answer_is_skipped() -> None:
    choice = chosen(queue(A, 3), queue(B, 0, "timeout"), queue(C, 4), wish=leaning(gpu_b=Leaning.PREFER))
    assert (choice.server_id, choice.reason) == (A, "least_loaded")


def test_where_all_are_preferred_the_reason_is_the_usual_one() -> None:
    wish = leaning(gpu_a=Leaning.PREFER, gpu_b=Leaning.PREFER)
    assert chosen(queue(A, 0), queue(B, 1), wish=wish).reason == "least_loaded"


def test_an_avoided_server_is_left_out_with_its_cause() -> None:
    choice = chosen(queue(A, 0), queue(B, 5), wish=leaning(gpu_a=Leaning.AVOID))
    assert (choice.server_id, choice.refused) == (B, {A: "shunned"})


def test_rather_nowhere_than_to_an_avoided_server() -> None:
    with pytest.raises(NoServerAvailable) as caught:
        chosen(queue(A, 0), queue(B, 0, "down"), wish=leaning(gpu_a=Leaning.AVOID))
    assert caught.value.causes == {A: "shunned", B: "down"}


def test_being_asked_for_by_name_outweighs_any_leaning() -> None:
    wish = Wish(asked=A, leanings={A: Leaning.AVOID, B: Leaning.PREFER})
    choice = chosen(queue(A, 2), queue(B, 0), wish=wish)
    assert (choice.server_id, choice.reason) == (A, "asked")


def test_patient_work_waits_for_an_idle_server_despite_preference() -> None:
    wish = Wish(is_patient=True, leanings={A: Leaning.PREFER})
    assert chosen(queue(A, 1), queue(B, 0), wish=wish).server_id == B


@given(
    st.lists(st.integers(0, 5), min_size=3, max_size=3),
    st.dictionaries(st.sampled_from([A, B, C]), st.sampled_from(Leaning)),
    st.floats(0, 0.999),
)
def test_avoided_server_gets_nothing_while_preferred_one_answers(
    lengths: list[int], leanings: dict[ServerId, Leaning], tie: float
) -> None:
    snapshots = [queue(server_id, length) for server_id, length in zip((A, B, C), lengths, strict=True)]
    allowed = [item.server_id for item in snapshots if leanings.get(item.server_id) is not Leaning.AVOID]
    preferred = [item for item in allowed if leanings.get(item) is Leaning.PREFER]
    if not allowed:
        with pytest.raises(NoServerAvailable):
            chosen(*snapshots, wish=Wish(leanings=leanings), tie=tie)
        return
    assert chosen(*snapshots, wish=Wish(leanings=leanings), tie=tie).server_id in (preferred or allowed)
