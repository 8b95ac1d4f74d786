"""Notifications of ends: only without focus, once for a burst, with server and workflow; none of old ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import BatchId, Contact, Part, PromptId, Task, TaskState
from app.core.waiting_runs import Batch, Pause, WaitingRun, WaitingRuns
from app.ui.page.tab_title import ended_ids
from app.ui.settings.notifications import BURST_SECONDS, Burst, EndNotifier, UnseenEnds, word_burst
from app.ui.settings.settings import Settings
from tests.kit.page.stills import ENGLISH, ME, MemoryNotifier, StillSession, ended, task, translator, window
from tests.unit.ui.page.test_tab import failed_run

LOUD = Settings(has_notices=True, has_sound=True)


class Night:
    """A window without focus, unless a test says otherwise."""

    def __init__(self, *tasks: Task) -> None:
        self.session = StillSession(window=window(*tasks))
        self.unseen = UnseenEnds()
        self.now = 1000.0
        assert self.update() is None, "earlier ends are old"

    def update(self, *, has_focus: bool = False) -> Burst | None:
        return self.unseen.update(self.session, ended_ids(self.session), has_focus=has_focus, now=self.now)

    def becomes(self, *tasks: Task, after: float = 60.0) -> Burst | None:
        self.now += after
        self.session.window = window(*tasks)
        return self.update()


def shown(burst: Burst | None, language: str = "en") -> tuple[str, str]:
    assert burst is not None
    notification = word_burst(burst, LOUD, translator(language))
    return notification.title, notification.body


def test_notification_names_server_and_workflow() -> None:
    assert shown(Night(task("a", "gpu-2")).becomes(ended("a", server_id="gpu-2"))) == (
        "Finished · gpu-2",
        "Enlarge and sharpen",
    )
    failed = Night(task("a")).becomes(ended("a", state=TaskState.FAILED, title="My own"))
    assert shown(failed) == ("Failed · gpu-1", "My own")
    assert shown(failed, "zh-CN") == ("失败 · gpu-1", "My own")


def test_no_notification_twice_or_with_focus() -> None:
    night = Night(task("a"), task("b"))
    assert night.becomes(ended("a"), ended("b")) is not None
    assert night.update() is None
    night = Night(task("a"))
    night.session.window = window(ended("a"))
    assert night.update(has_focus=True) is None
    assert night.update() is None, "it was seen"


def test_ends_before_the_page_opened_are_ignored() -> None:
    assert Night(ended("a")).update() is None
    restoring = UnseenEnds()
    assert restoring.update(StillSession(window=None), None, has_focus=False, now=0) is None


def test_burst_is_notified_once_when_all_is_done() -> None:
    night = Night(task("a"), task("b"), task("c"))
    assert night.becomes(ended("a"), task("b"), task("c")) is None
    assert night.becomes(ended("a"), ended("b", server_id="gpu-2"), task("c")) is None
    burst = night.becomes(ended("a"), ended("b", server_id="gpu-2"), ended("c"))
    assert shown(burst) == ("3 finished · gpu-1, gpu-2", "Enlarge and sharpen")


def test_failure_is_notified_immediately_and_then_replaced_silently() -> None:
    night = Night(task("a"), task("b"))
    first = night.becomes(ended("a", state=TaskState.FAILED), task("b"))
    assert shown(first) == ("Failed · gpu-1", "Enlarge and sharpen")
    second = night.becomes(ended("a", state=TaskState.FAILED), ended("b"), after=BURST_SECONDS - 1)
    assert second is not None and second.is_quiet
    assert shown(second)[0] == "1 finished, 1 failed · gpu-1"
    assert word_burst(second, LOUD, ENGLISH).has_sound is False
    later = night.becomes(ended("a", state=TaskState.FAILED), ended("b"), ended("c"), after=BURST_SECONDS + 1)
    assert later is not None and not later.is_quiet


def test_cancelled_task_is_not_notified() -> None:
    night = Night(task("a"), task("b"))
    mine = ended("a", state=TaskState.CANCELLED, cancel_asked_at=1.0)
    assert night.becomes(mine, ended("b", state=TaskState.GIVEN_UP)) is None
    assert Night(task("c")).becomes(ended("c", state=TaskState.CANCELLED)) is not None, (
        "another user has interrupted it"
    )


def test_work_on_a_silent_server_holds_nothing_back() -> None:
    silent = task("b", contact=Contact.UNREACHABLE)
    assert Night(task("a"), silent).becomes(ended("a"), silent) is not None


@pytest.mark.parametrize(("pause", "is_notified"), [(None, False), (Pause.ASKED, True)])
def test_waiting_runs_delay_the_notification_unless_paused(pause: Pause | None, is_notified: bool) -> None:
    night = Night(task("a"))
    batch = Batch(batch_id=BatchId("b"), workflow="{}")
    entry = WaitingRun(prompt_id=PromptId("e"), owner=ME, part=Part(batch_id=BatchId("b")))
    night.session.line.line = replace(WaitingRuns(window_id=ME).join(batch, [entry], "l"), pause=pause)
    assert (night.becomes(ended("a")) is not None) is is_notified


def test_click_without_server_is_notified() -> None:
    night = Night()
    night.session.runs = (failed_run(),)
    assert shown(night.update()) == ("Failed", "Untitled")


def test_settings_allow_notifications_and_badge_counts_unseen_ends() -> None:
    notifier = MemoryNotifier(focused=False)
    end_notifier = EndNotifier(notifier, lambda: 0.0)
    session = StillSession(window=window(task("a"), task("b")))

    def update(settings: Settings) -> None:
        end_notifier.update(session, ended_ids(session), settings, ENGLISH)

    update(Settings())
    session.window = window(ended("a"), task("b"))
    update(Settings())
    session.window = window(ended("a"), ended("b"))
    update(Settings())
    assert (notifier.sent, notifier.badges) == ([], [1, 2])
    notifier.focused = True
    update(Settings())
    assert notifier.badges[-1] == 0
    notifier.focused = False
    session.window = window(ended("a"), ended("b"), ended("c"))
    update(Settings(has_sound=True))
    (notification,) = notifier.sent
    assert (notification.has_notice, notification.has_sound) == (False, True)
