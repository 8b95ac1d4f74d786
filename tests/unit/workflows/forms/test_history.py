"""Undo and redo: every step can be gone back and forth, and typing on is one step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.workflows.forms.history import STEPS, History


def test_each_change_is_a_step_back_and_forth() -> None:
    history = History("a").to("b").to("c")
    assert (history.undo().present, history.undo().undo().present) == ("b", "a")
    assert history.undo().undo().redo().present == "b"
    assert not history.undo().undo().can_undo
    assert not history.can_redo


def test_typing_on_in_one_field_is_one_step() -> None:
    history = History("").to("h", about="text").to("ha", about="text").to("harbour", about="text")
    assert history.undo().present == ""
    assert history.undo().redo().present == "harbour"
    other = history.to("harbour!", about="seed")
    assert other.undo().present == "harbour"


def test_leaving_the_field_ends_the_step() -> None:
    history = History("").to("a", about="text").seal().to("ab", about="text")
    assert history.undo().present == "a"
    assert History("a").seal() == History("a")


def test_typing_after_an_undo_is_a_step_of_its_own() -> None:
    history = History("").to("a", about="text").seal().to("ab", about="text").undo().to("ax", about="text")
    assert history.undo().present == "a"
    assert not history.can_redo


def test_no_change_is_no_step() -> None:
    history = History("a").to("a", about="text")
    assert not history.can_undo
    assert history.undo() is history
    assert history.redo() is history


def test_the_past_is_bounded() -> None:
    history = History(0)
    for number in range(1, STEPS + 50):
        history = history.to(number)
    assert len(history.past) == STEPS


@given(st.lists(st.sampled_from(["undo", "redo", "seal"]) | st.tuples(st.integers(0, 3), st.integers(0, 2))))
def test_redo_takes_back_what_undo_did(steps: list[str | tuple[int, int]]) -> None:
    history = History(0)
    for step in steps:
        match step:
            case "undo":
                back = history.undo()
                assert not history.can_undo or back.redo().present == history.present
                history = back
            case "redo":
                history = history.redo()
            case "seal":
                history = history.seal()
            case (int() as value, int() as about):
                before = history.present
                history = history.to(value, about)
                assert history.present == value
                assert value == before or history.can_undo
