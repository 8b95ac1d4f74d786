"""When the page is drawn: many changes become one patch, and a click's request is sent first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.core.model import PromptId
from app.session import Run, RunStage
from app.ui.page.redraw import LONGEST_HOLD, REST, RedrawScheduler


class Frames:
    """A scheduler on a page whose frames come on request."""

    def __init__(self) -> None:
        self.drawn = self.moved = 0
        self.due: list[tuple[Callable[[], None], bool]] = []
        self.asked = asyncio.Event()
        self.turns = RedrawScheduler(self.schedule, self.draw, self.move)

    def schedule(self, callback: Callable[[], None], *, is_calm: bool = False) -> None:
        self.due.append((callback, is_calm))
        self.asked.set()

    def draw(self) -> None:
        self.drawn += 1
        self.turns.drawn()

    def move(self) -> None:
        self.moved += 1
        self.turns.drawn()

    def come(self) -> int:
        """Call everything that is due; return how often the page was drawn since the last time."""
        before, due = self.drawn, self.due
        self.due = []
        for callback, _ in due:
            callback()
        return self.drawn - before


def run(stage: RunStage) -> Run:
    return Run(prompt_id=PromptId("p"), title="", started_at=0.0, stage=stage)


def test_many_changes_become_one_patch() -> None:
    frames = Frames()
    for _ in range(3):
        frames.turns.follow(())
        frames.turns.request()
    assert [is_calm for _, is_calm in frames.due] == [True, False]
    assert (frames.come(), frames.come()) == (1, 0)


def test_steps_of_progress_move_the_page_unless_more_has_changed() -> None:
    frames = Frames()
    frames.turns.follow_move()
    frames.turns.follow_move()
    assert [is_calm for _, is_calm in frames.due] == [True]
    assert (frames.come(), frames.moved) == (0, 1)
    frames.turns.follow_move()
    frames.turns.follow(())
    assert len(frames.due) == 1
    assert (frames.come(), frames.moved) == (1, 1)


def test_an_earlier_drawing_is_not_taken_for_a_later_one() -> None:
    frames = Frames()
    frames.turns.follow_move()
    frames.turns.request()
    (calm, _), (soon, _) = frames.due
    soon()
    frames.turns.follow_move()
    calm()
    assert (frames.drawn, frames.moved) == (1, 0)
    frames.due[-1][0]()
    assert (frames.drawn, frames.moved) == (1, 1)


async def test_typed_text_is_drawn_once_the_user_pauses() -> None:
    frames = Frames()
    for _ in range(3):
        frames.turns.request_quietly()
    assert frames.due == [], "its field shows it already"
    await frames.asked.wait()
    assert (len(frames.due), frames.come()) == (1, 1)
    frames.turns.request_quietly()
    frames.turns.request()
    assert frames.come() == 1, "anything else draws it too"
    is_over = asyncio.Event()
    asyncio.get_running_loop().call_later(REST, is_over.set)  # after the one that would have drawn
    await is_over.wait()
    assert frames.due == []


async def test_nothing_is_drawn_between_a_click_and_its_request() -> None:
    frames = Frames()
    frames.turns.request()
    frames.turns.hold()
    frames.turns.follow(())  # another change, before the click's request was sent
    assert frames.come() == 0
    for stage in (RunStage.RESERVING, RunStage.CONNECTING, RunStage.REGISTERING):
        frames.turns.follow([run(RunStage.FAILED), run(stage)])
        frames.turns.request()
        assert frames.come() == 0, stage
    frames.turns.follow([run(RunStage.SUBMITTING)])
    assert frames.come() == 1, "and then immediately"
    frames.turns.request()
    assert frames.come() == 1


async def test_slow_request_is_shown() -> None:
    for stage in (RunStage.UPLOADING, RunStage.FAILED):
        frames = Frames()
        frames.turns.hold()
        frames.turns.follow([run(RunStage.RESERVING)])
        frames.turns.follow([run(stage)])
        assert frames.come() == 1, stage


async def test_drawing_is_held_for_a_limited_time() -> None:
    frames = Frames()
    began = asyncio.get_running_loop().time()
    frames.turns.hold()
    frames.turns.follow([run(RunStage.RESERVING)])
    assert frames.come() == 0
    frames.asked.clear()
    await frames.asked.wait()
    assert asyncio.get_running_loop().time() - began >= LONGEST_HOLD * 0.9
    assert frames.come() == 1
    frames.turns.follow([run(RunStage.SUBMITTING)])
    assert [is_calm for _, is_calm in frames.due] == [True]
