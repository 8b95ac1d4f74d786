"""What a hidden tab shows: its title and icon are true, and an end stays marked until it is seen."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from app.core.errors import NoServerAvailable
from app.core.model import Contact, Fleet, PromptId, Reservation, ServerId, Task, TaskState
from app.core.progress import Progress
from app.core.window import Restoring
from app.session import Run, RunStage
from app.ui.notices.releases import Releases
from app.ui.page.tab_icon import HOUSE, STEPS, TONE_COLOURS, draw_icon
from app.ui.page.tab_title import TabKind, TabSign, ended_ids, read_sign, word_title
from tests.kit.page.stills import ENGLISH, ME, ROOT, MemoryScreen, StillSession, ended, task, translator, window
from tests.unit.ui.page.test_page import opened

NONE_SEEN: frozenset[PromptId] = frozenset()


def title(session: StillSession, seen: frozenset[PromptId] = NONE_SEEN, language: str = "en") -> str:
    return word_title(read_sign(session, seen), translator(language))


def at(fraction: float, *tasks: Task) -> StillSession:
    """Return a session whose first task has that progress."""
    first = tasks[0]
    return StillSession(
        window=window(*tasks), progress={first.prompt_id: Progress(first.prompt_id, 4, fraction=fraction)}
    )


def failed_run(server_id: str | None = None) -> Run:
    error = NoServerAvailable("reserve", {})
    return Run(
        prompt_id=PromptId("r"),
        title="",
        started_at=1.0,
        stage=RunStage.FAILED,
        server_id=ServerId(server_id) if server_id else None,
        error=error,
    )


WORK = {
    "free": ((), "Mooring"),
    "running": ((task("a", "gpu-2"),), "running · gpu-2 · Mooring"),
    "waiting": ((task(state=TaskState.QUEUED),), "waiting · gpu-1 · Mooring"),
    "being sent": ((task(state=TaskState.REGISTERED),), "waiting · gpu-1 · Mooring"),
    "unclear": ((task(state=TaskState.UNCLEAR),), "? no answer · gpu-1 · Mooring"),
    "silent": ((task(contact=Contact.UNREACHABLE),), "? no answer · gpu-1 · Mooring"),
    "moved": ((task(contact=Contact.MOVED),), "? no answer · gpu-1 · Mooring"),
    "one runs, one waits": ((task("a", state=TaskState.QUEUED), task("b")), "running · gpu-1 · Mooring"),
    "done, and one runs": ((ended("a"), task("b")), "running · gpu-1 · Mooring"),
    "done": ((ended(),), "✓ done · gpu-1 · Mooring"),
    "not all made": ((ended(missing=("4",)),), "! not complete · gpu-1 · Mooring"),
    "failed": ((ended("a", state=TaskState.FAILED), ended("b")), "! failed · gpu-1 · Mooring"),
    "lost": ((ended("a", state=TaskState.LOST), ended("b")), "! lost · gpu-1 · Mooring"),
    "cancelled": ((ended(state=TaskState.CANCELLED),), "Mooring · last on gpu-1"),
    "given up": ((ended(state=TaskState.GIVEN_UP),), "Mooring · last on gpu-1"),
    "a ward, which was never here": ((ended(state=TaskState.CANCELLED, is_ward=True),), "Mooring"),
}


@pytest.mark.parametrize(("tasks", "expected"), WORK.values(), ids=WORK.keys())
def test_title_shows_the_state(tasks: tuple[Task, ...], expected: str) -> None:
    assert title(StillSession(window=window(*tasks))) == expected


def test_title_shows_the_running_tasks_percent() -> None:
    assert title(at(0.63, task("a", "gpu-2"))) == "63 % · gpu-2 · Mooring"
    assert title(at(0.63, task("a", contact=Contact.UNREACHABLE))) == "? no answer · gpu-1 · Mooring", "no old percent"


def test_a_held_place_shows_its_server() -> None:
    held = Reservation(
        prompt_id=PromptId("c"), window_id=ME, server_id=ServerId("gpu-2"), address="http://gpu-2:8188", at=1.0
    )
    assert title(StillSession(window=window(reservations={held.prompt_id: held}))) == "gpu-2 · Mooring"


def test_a_click_that_failed_is_marked_too() -> None:
    assert title(StillSession(runs=(failed_run(),))) == "! failed · Mooring"
    assert title(StillSession(runs=(failed_run("gpu-2"),))) == "! failed · gpu-2 · Mooring"
    assert title(StillSession(runs=(failed_run(),)), frozenset({PromptId("r")})) == "Mooring"


def test_seen_ends_are_not_marked() -> None:
    old, new = ended("a"), ended("b", state=TaskState.FAILED)
    session = StillSession(window=window(old, new))
    assert title(session, frozenset({new.prompt_id})) == "✓ done · gpu-1 · Mooring"
    assert title(session, ended_ids(session) or NONE_SEEN) == "Mooring · last on gpu-1"


def test_before_the_records_are_read_nothing_is_claimed() -> None:
    session = StillSession(window=Restoring(ME))
    assert ended_ids(session) is None
    assert title(session) == "Mooring"


def test_a_server_that_the_fleet_has_lost_keeps_its_id() -> None:
    assert title(StillSession(window=window(task()), fleet=Fleet())) == "running · gpu-1 · Mooring"


def test_the_title_is_translated() -> None:
    assert title(StillSession(window=window(ended())), language="zh-CN") == "✓ 完成 · gpu-1 · Mooring"


# The icon


def drawn(sign: TabSign) -> ElementTree.Element:
    """Return the icon's document."""
    address = draw_icon(sign)
    assert address.startswith("data:image/svg+xml,")
    assert not set(address) & set('<>#"'), "everything that an address cannot contain is escaped"
    return ElementTree.fromstring(unquote(address.partition(",")[2]))


def sign_of(session: StillSession, seen: frozenset[PromptId] = NONE_SEEN) -> TabSign:
    return read_sign(session, seen)


def test_each_state_has_its_own_figure() -> None:
    tag = sign_of(StillSession(window=window(task()))).tag
    figures = {}
    for kind in TabKind:
        document = drawn(TabSign(kind, tag, 0.5 if kind is TabKind.RUNNING else None))
        for element in document.iter():  # some users do not see the colours
            element.attrib.pop("fill", None)
            element.attrib.pop("stroke", None)
        figures[kind] = ElementTree.tostring(document)
    same = {
        frozenset({TabKind.FAILED, TabKind.LOST, TabKind.INCOMPLETE}),  # the title distinguishes them
    }
    alike = {frozenset(kind for kind in TabKind if figures[kind] == figure) for figure in figures.values()}
    assert {group for group in alike if len(group) > 1} == same


def ring(fraction: float | None) -> str:
    tag = sign_of(StillSession(window=window(task()))).tag
    return draw_icon(TabSign(TabKind.RUNNING, tag, fraction))


def test_the_ring_fills_and_is_full_only_at_the_end() -> None:
    assert ring(0.0) == ring(None)
    assert len({ring(step / STEPS) for step in range(STEPS + 1)}) == STEPS + 1
    assert ring(0.999) != ring(1.0)
    assert ring(0.5) == ring(0.5 + 0.4 / STEPS), "invisible steps make no new icon"


def test_icons_have_the_colours_of_the_page() -> None:
    css = (ROOT / "static/css/tones.css").read_text(encoding="utf-8")
    assert tuple(re.findall(r"light-dark\((#\w+),", css)) == TONE_COLOURS
    assert HOUSE in unquote(draw_icon(TabSign()))
    assert HOUSE in (ROOT / "static/icons/favicon.svg").read_text(encoding="utf-8")


def test_idle_tab_has_the_colour_of_its_last_server() -> None:
    def idle(server_id: str) -> TabSign:
        session = StillSession(window=window(ended("a"), ended("b", server_name=server_id, created_at=1500.0)))
        return read_sign(session, ended_ids(session) or NONE_SEEN)

    first, second = draw_icon(idle("gpu-1")), draw_icon(idle("gpu-2"))
    assert first != second
    assert "#fff" in unquote(first), "hollow: the window has no work there"


def test_requested_tab_shows_that_before_its_state() -> None:
    session = StillSession(window=window(task("a", "gpu-2")))
    sign = read_sign(session, NONE_SEEN, is_asked=True)
    assert word_title(sign, ENGLISH) == "▶ here · gpu-2 · Mooring"
    assert draw_icon(sign) != draw_icon(read_sign(session, NONE_SEEN))


# The page


async def test_hidden_tab_draws_only_title_and_icon() -> None:
    screen = MemoryScreen()
    _page, session = await opened(screen)
    screen.changes.clear()
    screen.hidden = True
    session.window = window(task("a", "gpu-2"))
    session.listeners[0]()
    screen.draw()
    assert [set(change) for change in screen.changes] == [{"title", "icon"}]
    assert screen.changes[0]["title"] == "running · gpu-2 · Mooring"


async def test_end_in_hidden_tab_is_marked_until_tab_is_visible() -> None:
    screen = MemoryScreen()
    page, session = await opened(screen, StillSession(window=window(ended("a"), task("b"))))
    screen.hidden = True
    session.window = window(ended("a"), ended("b"))
    for _ in range(2):
        session.listeners[0]()
        screen.draw()
    assert screen.changes[-1]["title"] == "✓ done · gpu-1 · Mooring"
    screen.hidden = False
    page.request()
    screen.draw()
    assert screen.changes[-1]["title"] == "Mooring · last on gpu-1"
    assert "results" in screen.changes[-1]["regions"]  # type: ignore[operator]
    screen.hidden = True
    page.request()
    screen.draw()
    assert screen.changes[-1]["title"] == "Mooring · last on gpu-1", "the tab was seen"


async def test_ends_before_the_page_opened_are_not_marked() -> None:
    screen = MemoryScreen(hidden=True)
    page, session = await opened(screen, StillSession(window=Restoring(ME)))
    assert screen.changes[0]["regions"], "a tab that opens hidden is drawn once too"
    session.window = window(ended("a"))
    page.request()
    screen.draw()
    assert screen.changes[-1]["title"] == "Mooring · last on gpu-1"


async def test_leaving_is_guarded_only_while_work_could_be_lost() -> None:
    screen = MemoryScreen()
    _page, session = await opened(screen, StillSession(window=window(task("a"))))
    session.listeners[0]()
    assert screen.guards == [], "running work is no reason"
    session.has_loose_ends = True
    session.listeners[0]()
    session.listeners[0]()
    assert screen.guards == [True], "immediately, not with the next frame"
    session.has_loose_ends = False
    session.listeners[0]()
    assert screen.guards == [True, False]


async def test_newer_build_is_shown_immediately() -> None:
    screen, releases = MemoryScreen(), Releases("b1")
    await opened(screen, releases=releases)
    releases.note_build("b2")
    screen.draw()
    assert "newer version of Mooring" in screen.changes[-1]["regions"]["notices"]  # type: ignore[index]


def test_english_titles_are_the_messages_themselves() -> None:
    assert word_title(TabSign(TabKind.DONE), ENGLISH) == "✓ done · Mooring"
