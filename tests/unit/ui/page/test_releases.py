"""A newer version of the page: how it is noticed, and when a reload is offered."""

from __future__ import annotations

import pytest

from app.core.model import PromptId, Reservation, ServerId
from app.ui.kit.projection import Surroundings
from app.ui.kit.state import UiState
from app.ui.notices.notices_html import notice
from app.ui.notices.releases import Newer, Releases
from app.ui.notices.state import Notice, NoticeKind, NoticesState
from tests.kit.page.stills import ENGLISH, ME, StillPictures, StillSession, ended, task, window
from tests.kit.page.views import project

HELD = Reservation(
    prompt_id=PromptId("c"), window_id=ME, server_id=ServerId("gpu-1"), address="http://gpu-1:8188", at=1.0
)


def listen_to(releases: Releases) -> list[Newer | None]:
    """Return the list to which listeners add."""
    reported: list[Newer | None] = []
    releases.subscribe(lambda: reported.append(releases.newer))
    return reported


def test_other_build_is_newer_until_the_own_one_is_served() -> None:
    releases = Releases("b1")
    reported = listen_to(releases)
    for build in ("b1", "b2", "b2", "b3", "", "b2", "b1"):
        releases.note_build(build)
    assert reported == [Newer.SERVED, None, Newer.SERVED, None]


def test_a_page_without_a_build_compares_nothing() -> None:
    releases = Releases("")
    releases.note_build("b2")
    assert releases.newer is None


def test_store_upgraded_now_differs_from_newer_store_at_start() -> None:
    releases = Releases("b1")
    reported = listen_to(releases)
    releases.note_store(False)
    releases.note_store(True)
    releases.note_store(False)
    assert reported == [Newer.STORED, Newer.OPENED]


def test_served_build_outweighs_the_store() -> None:
    releases = Releases("b1")
    releases.note_store(False)
    releases.note_build("b2")
    assert releases.newer is Newer.SERVED


def notices(session: StillSession, newer: Newer | None, ui: UiState | None = None) -> list[Notice]:
    view = project(session, ui or UiState(), workflows=(), pictures=StillPictures(), language="en", newer=newer)
    return list(view.notices)


@pytest.mark.parametrize("newer", [Newer.SERVED, Newer.OPENED])
@pytest.mark.parametrize(
    ("held", "is_asked"),
    [
        (window(), True),
        (window(ended()), True),
        (window(task()), False),
        (window(task(is_ward=True)), False),
        (window(reservations={HELD.prompt_id: HELD}), False),
    ],
    ids=["free", "ended", "running", "ward", "reserved"],
)
def test_reload_is_offered_only_to_an_idle_window(newer: Newer, held: object, is_asked: bool) -> None:
    (item,) = notices(StillSession(window=held), newer)  # type: ignore[arg-type]
    markup = str(notice(item, ENGLISH))
    assert "A newer version of Mooring is available." in markup
    assert ('data-action="reload"' in markup) is is_asked
    assert 'data-action="dismiss-notice"' in markup


def test_notice_gives_other_advice_if_a_reload_does_not_help() -> None:
    (item,) = notices(StillSession(), Newer.STORED)
    markup = str(notice(item, ENGLISH))
    assert 'data-action="reload"' not in markup
    assert "Update Mooring where it runs." in markup


def test_a_dismissed_notice_stays_away() -> None:
    assert (
        notices(StillSession(), Newer.SERVED, UiState().with_slices(NoticesState(dismissed=frozenset({"newer"})))) == []
    )


def test_offline_shows_a_notice_and_stops_nothing() -> None:
    online, offline = (
        project(
            StillSession(),
            UiState(),
            workflows=(),
            pictures=StillPictures(),
            language="en",
            surroundings=Surroundings(is_online=is_online),
        )
        for is_online in (True, False)
    )
    assert [item.kind for item in offline.notices] == [NoticeKind.OFFLINE]
    assert offline.run == online.run, "the browser's view of the network proves nothing"
