"""The panel *Windows*: the living windows, their work, how to find a tab, and how the panel stays up to date."""

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
from tests.kit.page.panels import NOW, OTHER, MemoryRoster, MemorySignals, MemoryStats, PanelSources, glance, roster
from tests.kit.page.stills import ME, Bytes, MemoryScreen, StillSession, ended, task, translator, window
from tests.unit.ui.page.test_page import opened

OPEN = {"ended_at": None}


def panel(seen: Roster | None, session: StillSession | None = None, asked: WindowId | None = None) -> WindowsView:
    facts = PanelFacts(seen, sight=lambda prompt_id: f"blob:{prompt_id}" if prompt_id == "seen" else "")
    return windows_view(WindowsDialog(asked), session or StillSession(), facts, lambda _id: "")


def markup(view: WindowsView, language: str = "en") -> str:
    return str(drawn(view, translator(language)))


def test_living_windows_are_rows_numbered_by_age() -> None:
    rows = panel(roster()).rows
    assert [(row.window_id, row.number, row.is_mine) for row in rows] == [(ME, 2, True), (OTHER, 1, False)]
    assert [row.minutes for row in rows] == [int((NOW - 5000) // 60), 150]
    gone = KnownWindow(window_id=WindowId("gone"), created_at=1.0)
    assert set(numbers(roster(windows=(gone,)))) == {ME, OTHER}, "a closed window is not listed"


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


def test_other_windows_of_a_session_stand_below_its_own() -> None:
    numbered = WindowId(f"{OTHER}+1")
    seen = roster(
        glance("a", numbered, "gpu-2", state=TaskState.RUNNING, **OPEN), present=frozenset({ME, OTHER, numbered})
    )
    view = panel(seen)
    assert len(view.rows) == 2
    assert [item.running for item in view.rows[1].others] == [1]
    assert markup(view).count('data-testid="other-window"') == 1


def test_sessions_of_one_server_are_summed() -> None:
    numbered = [WindowId(f"{OTHER}+{number}") for number in (1, 2)]
    seen = roster(
        glance("a", OTHER, "gpu-2"),
        glance("b", numbered[0], "gpu-2"),
        glance("c", numbered[1], "gpu-1"),
        present=frozenset({ME, OTHER, *numbered}),
    )
    row = panel(seen).rows[1]
    assert [item.tag.name for item in (row.own, *row.others) if item.tag] == ["gpu-2", "gpu-1"]
    assert (row.own.ended, row.others[0].ended) == (2, 1)


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


def test_orphans_can_be_adopted_in_the_panel() -> None:
    session = StillSession(orphans=(Orphan(task=task("a", "gpu-2"), is_owner_gone=False),))
    html = markup(panel(None, session))
    assert 'data-action="adopt"' in html and "may only sleep" in html
    assert 'id="left-here-' in html, "the page has the same under another id"


def test_titles_of_other_windows_are_never_markup() -> None:
    assert "<b>" not in markup(panel(roster(glance("a", OTHER, title="<b>x</b>"))))


@pytest.mark.parametrize("language", ["en", "zh-CN", "pseudo"])
def test_the_panel_is_whole_in_every_language(language: str) -> None:
    html = markup(panel(roster(glance("a", OTHER)), asked=OTHER), language)
    assert html.count('data-testid="window-row"') == 2


# Up to date while it is open


async def idle(page: Page) -> None:
    """Wait until the page does nothing in the background, as it must once the panel is closed."""
    async with asyncio.timeout(20):
        while page._background:
            await asyncio.wait(page._background)


class PanelPage:
    """A page with its panel sources."""

    def __init__(self) -> None:
        self.roster, self.stats, self.signals = MemoryRoster(), MemoryStats(), MemorySignals()
        self.screen = MemoryScreen()
        self.session = StillSession()
        self.page: Page | None = None

    async def open(self) -> Page:
        sources = PanelSources(self.roster, self.stats, self.signals)
        self.page, _ = await opened(self.screen, self.session, sources=sources)
        return self.page

    async def until(self, reads: int, text: str = "") -> None:
        """Draw until the other windows were read that often, and the open panel has that text."""
        async with asyncio.timeout(10):
            while self.roster.reads < reads or text not in self.dialog():
                await asyncio.sleep(0)
                self.screen.draw()

    def dialog(self) -> str:
        regions = [change["regions"] for change in self.screen.changes if "regions" in change]
        return next(str(item["dialogs"]) for item in reversed(regions) if "dialogs" in item)  # type: ignore[index, operator]


async def test_open_panel_reads_immediately_after_a_signal() -> None:
    rig = PanelPage()
    page = await rig.open()
    rig.signals.hear("changed", OTHER)
    assert rig.roster.reads == 0
    page.actions.act("open-windows", {})
    rig.screen.draw()
    await rig.until(1, "Window 1")
    assert rig.stats.reads == 0
    rig.roster.now = roster(glance("a", OTHER, state=TaskState.RUNNING, **OPEN))
    rig.signals.hear("changed", OTHER)
    await rig.until(2, "1 running")
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    assert rig.roster.forgotten == 1
    await idle(page)


async def test_hidden_tab_reads_nothing() -> None:
    rig = PanelPage()
    page = await rig.open()
    page.actions.act("open-windows", {})
    rig.screen.draw()
    await rig.until(1)
    rig.screen.hidden = True
    rig.signals.hear("changed", OTHER)
    await idle(page)
    assert rig.roster.reads == 1
    rig.screen.hidden = False
    page.request()
    rig.screen.draw()
    await rig.until(2)
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    await idle(page)


async def test_fleet_panel_reads_stats_and_survives_an_older_gateway() -> None:
    rig = PanelPage()
    page = await rig.open()
    rig.stats.now = None
    page.actions.act("open-fleet", {})
    rig.screen.draw()
    await rig.until(1, "No window of this browser has used a server yet")
    assert rig.stats.reads == 1
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    await idle(page)


async def test_unreadable_store_is_shown() -> None:
    rig = PanelPage()
    page = await rig.open()
    rig.roster.refusal = StorageError("read_roster", "blocked")
    page.actions.act("open-windows", {})
    rig.screen.draw()
    await rig.until(1, "cannot be read now")
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    await idle(page)


async def test_other_windows_get_signals_except_for_progress() -> None:
    rig = PanelPage()
    await rig.open()
    rig.signals.sent.clear()
    running = task("a")
    rig.session.window = window(running)
    rig.session.listeners[0]()
    rig.screen.draw()
    assert rig.signals.sent == [("changed", ME)]
    rig.session.window = window(replace(running, notes=()))
    rig.session.listeners[0]()
    rig.screen.draw()
    rig.session.listeners[0]()
    rig.screen.draw()
    assert len(rig.signals.sent) == 1
    rig.session.window = window(ended("a"))
    rig.session.listeners[0]()
    rig.screen.draw()
    assert len(rig.signals.sent) == 2


async def test_requested_window_is_marked_until_it_is_visible() -> None:
    rig = PanelPage()
    page = await rig.open()
    page.actions.act("show-window", {"window": OTHER})
    assert rig.signals.sent[-1] == ("show", OTHER)
    rig.screen.draw()
    rig.signals.hear("show", OTHER)
    assert not rig.screen.due, "the signal is for another window"
    rig.screen.hidden = True
    rig.signals.hear("show", ME)
    rig.screen.draw()
    assert rig.screen.changes[-1]["title"] == "▶ here · Mooring"
    rig.screen.hidden = False
    page.request()
    rig.screen.draw()
    assert rig.screen.changes[-1]["title"] == "Mooring" and rig.screen.changes[-1]["found"] is True
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    await idle(page)


async def test_visible_window_shows_a_request_immediately() -> None:
    rig = PanelPage()
    await rig.open()
    rig.signals.hear("show", ME)
    rig.screen.draw()
    assert rig.screen.changes[-1]["found"] is True and "title" not in rig.screen.changes[-1]


async def test_thumbnails_of_other_windows_are_read_and_let_go() -> None:
    rig = PanelPage()
    rig.session.results.small[PromptId("p"), 0] = Bytes()
    rig.roster.now = roster(glance("p", OTHER, outputs=(OutputSummary(delivery=Delivery.KEPT),)))
    page = await rig.open()
    page.actions.act("open-windows", {})
    rig.screen.draw()
    await rig.until(1)
    await rig.until(1, "blob:1")
    page.actions.act("open-fleet", {})
    rig.screen.draw()
    page.actions.act("close-dialog", {})
    rig.screen.draw()
    assert not rig.screen.urls
    await idle(page)
    assert FleetDialog() != WindowsDialog()
