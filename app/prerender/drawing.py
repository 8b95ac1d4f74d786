"""One drawing: a session that starts in an empty browser, and its page, until nothing changes any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core.errors import LayoutError
from app.prerender.screen import DrawnScreen, PlainFormats
from app.prerender.surroundings import (
    Gateway,
    NoAdmin,
    NoDocuments,
    NoLogin,
    NoNotifier,
    NoRoster,
    NoSignals,
    NoStats,
    make_ports,
)
from app.session import Session
from app.ui.fleet.feature import Breaking
from app.ui.form.context import OpenWorkflows
from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow, open_shipped
from app.ui.graph.feature import Arranging
from app.ui.kit.account import Account
from app.ui.kit.i18n import Translator, make_translator, read_languages
from app.ui.kit.services import PagePorts
from app.ui.notices.releases import Releases
from app.ui.page.page import Page
from app.ui.page.regions import digest_of
from app.ui.settings.account import Attendance
from app.ui.settings.account_actions import Team
from app.ui.settings.feature import Notifications
from app.ui.windows.panel_data import PanelSources

TURNS = 40  # of the event loop without a drawing, after which nothing more is under way: no wait here takes any time

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class ScreenOrder:
    """For whom a first screen is drawn, and with which workflow: empty for the one that a new window has."""

    language: str
    account: Account
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The markup of each region of the page with its digest, by its id, and the page's title."""

    regions: Mapping[str, tuple[str, str]]
    title: str


async def draw(order: ScreenOrder, gateway: Gateway, read: ReadFile) -> Drawing:
    """Draw the page as a new window shows it; `read` returns a file of the page by its path."""
    attendance = Attendance(order.account)
    ports = make_ports(gateway, attendance.note_user)
    session, screen, documents = Session(ports), DrawnScreen(order.workflow), NoDocuments()
    languages = read_languages(read("static/locales/index.json").decode())

    async def translator(language: str) -> Translator:
        path = languages.path_of(language)
        catalogue = b"" if path is None else read(f"static/locales/{path}")
        return make_translator(language, catalogue, PlainFormats(), languages)

    await session.start()
    page = Page(
        session,
        screen,
        PagePorts(
            documents=documents,
            read_input=ports.store.read_input,
            random_seed=lambda _limit: 0,
            now=ports.clock.now,
            steady=ports.clock.now,
            sleep=ports.clock.sleep,
        ),
        OpenWorkflows(shipped(read)),
        Releases(""),
        Team(attendance, NoLogin(), NoAdmin()),
        PanelSources(NoRoster(), NoStats(), NoSignals()),
        Breaking(_break_nothing),
        Arranging(_arrange_nothing),
        Notifications(NoNotifier()),
        translators=translator,
    )
    await page.start(order.language)
    await _settle(screen)
    await session.stop()
    regions = {region: (markup, digest_of(markup)) for region, markup in screen.regions.items()}
    return Drawing(regions, str(screen.facts.get("title", "")))


def shipped(read: ReadFile) -> tuple[OpenWorkflow, ...]:
    """The workflows that come with Mooring."""
    texts = {item: read(f"static/workflows/{item}.json").decode() for item in SHIPPED_IDS}
    return tuple(open_shipped(item, text) for item, text in texts.items())


async def _settle(screen: DrawnScreen) -> None:
    quiet = 0
    while quiet < TURNS:
        before = screen.drawings
        await asyncio.sleep(0)
        quiet = quiet + 1 if screen.drawings == before else 0


async def _break_nothing(*_facts: object) -> None:
    """Break no server."""


async def _arrange_nothing(_question: str) -> str:
    raise LayoutError("unavailable")
