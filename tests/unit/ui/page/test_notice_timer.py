"""Notices that only inform leave by themselves; what needs the user stays."""

from __future__ import annotations

from app.core.model import ServerId
from app.core.server_fingerprint import RestartSign
from app.session import Noticed
from app.ui.kit.colours import ServerTag
from app.ui.notices.notice_timer import SECONDS, NoticeTimer
from app.ui.notices.state import Notice, NoticeKind, NoticesState
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import Seconds

COPY = Notice(NoticeKind.DUPLICATE)
CHANGED = Notice(
    NoticeKind.CHANGED, tag=ServerTag(ServerId("a"), "a", 0), noticed=Noticed(RestartSign.NUMBER_FELL, 5.0)
)


async def test_notice_that_only_informs_leaves_after_its_time() -> None:
    rig, clock = PageRig(), Seconds()
    timer = NoticeTimer(rig.context, clock.sleep)
    for _draw in range(2):
        timer.follow([COPY, CHANGED, Notice(NoticeKind.NONE_WELL), Notice(NoticeKind.QUARANTINE)])
    assert rig.ui.of(NoticesState).dismissed == frozenset()
    clock.go.set()
    await rig.done()
    assert rig.ui.of(NoticesState).dismissed == {COPY.key, CHANGED.key}
    assert clock.at == 2 * SECONDS, "once for each"


def test_newer_version_can_be_dismissed_until_the_work_is_done() -> None:
    busy, idle = Notice(NoticeKind.NEWER, is_busy=True), Notice(NoticeKind.NEWER)
    assert busy.can_be_dismissed and idle.can_be_dismissed
    assert busy.key != idle.key


def test_what_is_being_stopped_is_shown_until_it_is_over() -> None:
    busy, over = Notice(NoticeKind.STOPPED, 1, is_busy=True), Notice(NoticeKind.STOPPED, 1)
    assert (busy.leaves, over.leaves) == (False, True)
    assert busy.can_be_dismissed and busy.key == over.key
