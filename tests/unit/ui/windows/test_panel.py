"""The panel *Windows*: who is there, at what work, and how to find its tab; and how it stays fresh without polling."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.core.errors import StorageError
from app.core.model import Delivery, PromptId, TaskState, WindowId
from app.core.roster import PICTURES, KnownWindow, OutputSummary, ReservedPlace, Roster
from app.session import Orphan
from app.ui.fleet.panel import FleetDialog
from app.ui.kit.words import SEPARATOR
from app.ui.page.page import Page
from app.ui.windows.panel import PanelFacts, WindowsDialog, WindowsView, numbers, pictured, windows_view
from app.ui.windows.panel_html import windows as drawn
from tests.unit.ui.page.test_page import opened
from tests.unit.ui.page_kit import ME, Bytes, MemoryScreen, StillSession, ended, task, translator, window
from tests.unit.ui.panel_kit import NOW, OTHER, MemoryRoster, MemorySignals, MemoryStats, PanelSources, glance, roster

OPEN = {"ended_at": None}


def panel(seen: Roster | None, session: StillSession | None = None, asked: WindowId | None = None) -> WindowsView:
    facts = PanelFacts(seen, sight=lambda prompt_id: f"blob:{prompt_id}" if prompt_id == "seen" else "")
    return windows_view(WindowsDialog(asked), session or StillSession(), facts, lambda _id: "")


def markup(view: WindowsView, language: str = "en") -> str:
    return str(drawn(view, translator(language)))


def test_every_living_window_is_a_row_this_one_first_numbered_by_age() -> None:
    rows = panel(roster()).rows
    assert [(row.window_id, row.number, row.is_mine) for row in rows] == [(ME, 2, True), (OTHER, 1, False)]
    assert [row.minutes for row in rows] == [int((NOW - 5000) // 60), 150]
    gone = KnownWindow(window_id=WindowId("gone"), created_at=1.0)
    assert set(numbers(roster(windows=(gone,)))) == {ME, OTHER}, "one that shows no sign of life is not there"


def test_a_rows_work_is_counted_with_its_server() -> None:
    seen = roster(
        glance("a", OTHER, "gpu-2", state=TaskState.RUNNING, **OPEN),
        glance("b", OTHER, "gpu-2", state=TaskState.QUEUED, **OPEN),
        glance("c", OTHER),
        in_line={OTHER: 4},
    )
    row = panel(seen).rows[1]
    assert (row.own.running, row.own.waiting, row.own.ended, row.in_line) == (1, 1, 1, 4)
    assert row.own.tag is not None and (row.own.tag.name, row.own.is_moored) == ("gpu-2", True)
    assert SEPARATOR.join(("1 running", "5 waiting", "1 ended")) in markup(panel(seen))


def test_a_free_window_is_marked_by_its_last_server() -> None:
    seen = roster(glance("a", OTHER, "gpu-1", created_at=1.0), glance("b", OTHER, "gpu-2", created_at=2.0))
    row = panel(seen).rows[1]
    assert row.own.tag is not None and (row.own.tag.name, row.own.is_moored) == ("gpu-2", False)
    assert "last on gpu-2" in markup(panel(seen))


def test_a_held_place_moors_and_a_ward_does_not() -> None:
    placed = panel(roster(places=(ReservedPlace(window_id=OTHER, server_id="gpu-2", at=1.0),))).rows[1]  # type: ignore[arg-type]
    assert placed.own.is_moored
    ward = panel(roster(glance("a", OTHER, state=TaskState.RUNNING, is_ward=True, **OPEN))).rows[1]
    assert not ward.own.is_moored and ward.own.running == 1


def test_crew_sessions_stand_below_their_window_and_are_no_windows() -> None:
    crew = WindowId(f"{OTHER}+1")
    seen = roster(glance("a", crew, "gpu-2", state=TaskState.RUNNING, **OPEN), present=frozenset({ME, OTHER, crew}))
    view = panel(seen)
    assert len(view.rows) == 2
    assert [(item.number, item.running) for item in view.rows[1].crew] == [(2, 1)]
    assert "Session 2" in markup(view)


def test_the_picture_is_of_the_latest_result_that_has_one() -> None:
    made = (OutputSummary(delivery=Delivery.KEPT),)
    seen = roster(
        glance("seen", OTHER, created_at=1.0, outputs=made),
        glance("text", OTHER, created_at=2.0, outputs=made),
        glance("none", OTHER, created_at=3.0),
        glance("on its way", OTHER, created_at=4.0, outputs=(OutputSummary(),)),
    )
    assert panel(seen).rows[1].picture_url == "blob:seen"
    many = roster(*(glance(str(number), OTHER, outputs=made, created_at=float(number)) for number in range(99)))
    assert [task.prompt_id for task in dict(pictured(many))[OTHER]] == [str(98 - at) for at in range(PICTURES)]


def test_what_closed_windows_have_left_can_be_adopted_here_too() -> None:
    session = StillSession(orphans=(Orphan(task=task("a", "gpu-2"), is_owner_gone=False),))
    html = markup(panel(None, session))
    assert 'data-action="adopt"' in html and "may only sleep" in html
    assert 'id="left-here-' in html, "the same stands on the page, under another id"


def test_titles_of_other_windows_are_never_markup() -> None:
    assert "<b>" not in markup(panel(roster(glance("a", OTHER, title="<b>x</b>"))))


@pytest.mark.parametrize("language", ["en", "zh-CN", "pseudo"])
def test_the_panel_is_whole_in_every_language(language: str) -> None:
    html = markup(panel(roster(glance("a", OTHER)), asked=OTHER), language)
    assert html.count('data-testid="window-row"') == 2


# Fresh while it is open


async def idle(page: Page) -> None:
    """Wait until the page does nothing in the background any more, as it must once nobody looks."""
    async with asyncio.timeout(20):
        while page._background:
            await asyncio.wait(page._background)


class Eyes:
    """A page with its outlook at hand."""

    def __init__(self) -> None:
        self.roster, self.stats, self.signals = MemoryRoster(), MemoryStats(), MemorySignals()
        self.screen = MemoryScreen()
        self.session = StillSession()
        self.page: Page | None = None

    async def open(self) -> Page:
        looks = PanelSources(self.roster, self.stats, self.signals)
        self.page, _ = await opened(self.screen, self.session, looks=looks)
        return self.page

    async def until(self, reads: int, text: str = "") -> None:
        """Draw until the other windows were looked at so often, and the open panel has that text."""
        async with asyncio.timeout(10):
            while self.roster.reads < reads or text not in self.dialog():
                await asyncio.sleep(0)
                self.screen.draw()

    def dialog(self) -> str:
        regions = [change["regions"] for change in self.screen.changes if "regions" in change]
        return next(str(item["dialogs"]) for item in reversed(regions) if "dialogs" in item)  # type: ignore[index, operator]


async def test_nothing_is_read_until_a_panel_is_open_and_a_hint_is_followed_at_once() -> None:
    eyes = Eyes()
    page = await eyes.open()
    eyes.signals.hear("changed", OTHER)
    assert eyes.roster.reads == 0
    page.actions.act("open-windows", {})
    eyes.screen.draw()
    await eyes.until(1, "Window 1")
    assert eyes.stats.reads == 0
    eyes.roster.now = roster(glance("a", OTHER, state=TaskState.RUNNING, **OPEN))
    eyes.signals.hear("changed", OTHER)
    await eyes.until(2, "1 running")
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    assert eyes.roster.forgotten == 1
    await idle(page)


async def test_a_hidden_tab_looks_at_nothing() -> None:
    eyes = Eyes()
    page = await eyes.open()
    page.actions.act("open-windows", {})
    eyes.screen.draw()
    await eyes.until(1)
    eyes.screen.hidden = True
    eyes.signals.hear("changed", OTHER)
    await idle(page)
    assert eyes.roster.reads == 1
    eyes.screen.hidden = False
    page.request()
    eyes.screen.draw()
    await eyes.until(2)
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    await idle(page)


async def test_the_fleet_panel_reads_how_the_servers_are_and_an_older_gateway_breaks_nothing() -> None:
    eyes = Eyes()
    page = await eyes.open()
    eyes.stats.now = None
    page.actions.act("open-fleet", {})
    eyes.screen.draw()
    await eyes.until(1, "No window of this browser has been moored yet")
    assert eyes.stats.reads == 1
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    await idle(page)


async def test_a_store_that_cannot_be_read_is_told() -> None:
    eyes = Eyes()
    page = await eyes.open()
    eyes.roster.refusal = StorageError("read_roster", "blocked")
    page.actions.act("open-windows", {})
    eyes.screen.draw()
    await eyes.until(1, "cannot be read now")
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    await idle(page)


async def test_others_are_told_of_what_they_show_and_not_of_each_step() -> None:
    eyes = Eyes()
    await eyes.open()
    eyes.signals.sent.clear()
    running = task("a")
    eyes.session.window = window(running)
    eyes.session.listeners[0]()
    eyes.screen.draw()
    assert eyes.signals.sent == [("changed", ME)]
    eyes.session.window = window(replace(running, notes=()))
    eyes.session.listeners[0]()
    eyes.screen.draw()
    eyes.session.listeners[0]()
    eyes.screen.draw()
    assert len(eyes.signals.sent) == 1
    eyes.session.window = window(ended("a"))
    eyes.session.listeners[0]()
    eyes.screen.draw()
    assert len(eyes.signals.sent) == 2


async def test_the_window_that_is_asked_for_says_so_until_somebody_looks() -> None:
    eyes = Eyes()
    page = await eyes.open()
    page.actions.act("show-window", {"window": OTHER})
    assert eyes.signals.sent[-1] == ("show", OTHER)
    eyes.screen.draw()
    eyes.signals.hear("show", OTHER)
    assert not eyes.screen.due, "another one is meant"
    eyes.screen.hidden = True
    eyes.signals.hear("show", ME)
    eyes.screen.draw()
    assert eyes.screen.changes[-1]["title"] == "▶ here · Mooring"
    eyes.screen.hidden = False
    page.request()
    eyes.screen.draw()
    assert eyes.screen.changes[-1]["title"] == "Mooring" and eyes.screen.changes[-1]["found"] is True
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    await idle(page)


async def test_a_visible_window_that_is_asked_for_is_shown_at_once() -> None:
    eyes = Eyes()
    await eyes.open()
    eyes.signals.hear("show", ME)
    eyes.screen.draw()
    assert eyes.screen.changes[-1]["found"] is True and "title" not in eyes.screen.changes[-1]


async def test_thumbnails_of_other_windows_are_read_and_let_go() -> None:
    eyes = Eyes()
    eyes.session.results.small[PromptId("p"), 0] = Bytes()
    eyes.roster.now = roster(glance("p", OTHER, outputs=(OutputSummary(delivery=Delivery.KEPT),)))
    page = await eyes.open()
    page.actions.act("open-windows", {})
    eyes.screen.draw()
    await eyes.until(1)
    await eyes.until(1, "blob:1")
    page.actions.act("open-fleet", {})
    eyes.screen.draw()
    page.actions.act("close-dialog", {})
    eyes.screen.draw()
    assert not eyes.screen.urls
    await idle(page)
    assert FleetDialog() != WindowsDialog()
