"""When the page is drawn: many changes at once, and what a click has sent for before it is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.core.model import PromptId
from app.session import Run, RunStage
from app.ui.page.redraw import LONGEST_HOLD, RedrawScheduler


class Frames:
    """Turns in a page whose frames come when they are asked for."""

    def __init__(self) -> None:
        self.drawn = 0
        self.due: list[tuple[Callable[[], None], bool]] = []
        self.asked = asyncio.Event()
        self.turns = RedrawScheduler(self.schedule, self.draw)

    def schedule(self, callback: Callable[[], None], *, is_calm: bool = False) -> None:
        self.due.append((callback, is_calm))
        self.asked.set()

    def draw(self) -> None:
        self.drawn += 1
        self.turns.drawn()

    def come(self) -> int:
        """Everything that was asked for is called; how often it was drawn since the last time."""
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
        frames.turns.request_calmly()
        frames.turns.request()
    assert [is_calm for _, is_calm in frames.due] == [True, False]
    assert (frames.come(), frames.come()) == (1, 0)


async def test_nothing_is_drawn_between_a_click_and_its_request() -> None:
    frames = Frames()
    frames.turns.request()
    frames.turns.hold()
    frames.turns.follow(())  # something else has changed before the click got that far
    assert frames.come() == 0
    for stage in (RunStage.RESERVING, RunStage.CONNECTING, RunStage.REGISTERING):
        frames.turns.follow([run(RunStage.FAILED), run(stage)])
        frames.turns.request()
        frames.turns.request_calmly()
        assert frames.come() == 0, stage
    frames.turns.follow([run(RunStage.SUBMITTING)])
    assert frames.come() == 1, "and then at once"
    frames.turns.request()
    assert frames.come() == 1


async def test_what_takes_long_on_its_way_is_shown() -> None:
    for stage in (RunStage.UPLOADING, RunStage.FAILED):
        frames = Frames()
        frames.turns.hold()
        frames.turns.follow([run(RunStage.RESERVING)])
        frames.turns.follow([run(stage)])
        assert frames.come() == 1, stage


async def test_a_click_that_gets_nowhere_is_waited_for_only_so_long() -> None:
    frames = Frames()
    began = asyncio.get_running_loop().time()
    frames.turns.hold()
    frames.turns.follow([run(RunStage.RESERVING)])
    await frames.asked.wait()
    assert asyncio.get_running_loop().time() - began >= LONGEST_HOLD * 0.9
    assert frames.come() == 1
    frames.turns.follow([run(RunStage.SUBMITTING)])
    assert frames.due == []
