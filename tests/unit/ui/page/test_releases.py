"""A newer version of the page: noticed, told politely, and a reload offered only where it helps and when it is time."""

from __future__ import annotations

import pytest

from app.core.model import PromptId, Reservation, ServerId
from app.ui.kit.state import UiState
from app.ui.page.notices_html import notice
from app.ui.page.projection import project
from app.ui.page.releases import Newer, Releases
from app.ui.page.state import Notice, NoticeKind, NoticesState, Surroundings
from tests.unit.ui.page_kit import ENGLISH, ME, StillPictures, StillSession, ended, task, window

HELD = Reservation(
    prompt_id=PromptId("c"), window_id=ME, server_id=ServerId("gpu-1"), address="http://gpu-1:8188", at=1.0
)


def told(releases: Releases) -> list[Newer | None]:
    """What listeners hear from now on."""
    heard: list[Newer | None] = []
    releases.subscribe(lambda: heard.append(releases.newer))
    return heard


def test_another_build_is_newer_until_ours_is_served_again() -> None:
    releases = Releases("b1")
    heard = told(releases)
    for build in ("b1", "b2", "b2", "b3", "", "b2", "b1"):
        releases.note_build(build)
    assert heard == [Newer.SERVED, None, Newer.SERVED, None]


def test_a_page_without_a_build_compares_nothing() -> None:
    releases = Releases("")
    releases.note_build("b2")
    assert releases.newer is None


def test_a_store_that_became_newer_is_told_apart_from_one_that_was() -> None:
    releases = Releases("b1")
    heard = told(releases)
    releases.note_store(False)
    releases.note_store(True)
    releases.note_store(False)
    assert heard == [Newer.STORED, Newer.OPENED]


def test_a_build_that_is_served_is_worth_a_reload_whatever_the_store_says() -> None:
    releases = Releases("b1")
    releases.note_store(False)
    releases.note_build("b2")
    assert releases.newer is Newer.SERVED


def notices(session: StillSession, newer: Newer | None, ui: UiState | None = None) -> list[Notice]:
    around = Surroundings(newer)
    view = project(session, ui or UiState(), workflows=(), pictures=StillPictures(), language="en", surroundings=around)
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
def test_a_reload_is_asked_for_only_when_the_window_is_idle(newer: Newer, held: object, is_asked: bool) -> None:
    (item,) = notices(StillSession(window=held), newer)  # type: ignore[arg-type]
    markup = str(notice(item, ENGLISH))
    assert "A newer version of Mooring is available." in markup
    assert ('data-action="reload"' in markup) is is_asked
    assert ('data-action="dismiss-notice"' in markup) is is_asked


def test_where_a_reload_would_bring_the_same_page_it_says_what_helps() -> None:
    (item,) = notices(StillSession(), Newer.STORED)
    markup = str(notice(item, ENGLISH))
    assert 'data-action="reload"' not in markup
    assert "Update Mooring where “python3 serve.py” runs." in markup


def test_a_dismissed_notice_stays_away() -> None:
    assert (
        notices(StillSession(), Newer.SERVED, UiState().with_slices(NoticesState(dismissed=frozenset({"newer"})))) == []
    )


def test_offline_is_told_in_words_and_stops_nothing() -> None:
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
    assert offline.run == online.run, "what the browser believes of the network proves nothing"
