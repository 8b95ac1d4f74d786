"""A whole page over stand-ins, and the table of its actions on runs, dialogs and messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.ports.files import FileSet
from app.core.ports.tray import Tray
from app.ui.fleet.faults_actions import BreakServer
from app.ui.fleet.feature import Breaking
from app.ui.form.context import OpenWorkflows
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.graph.feature import Arranging
from app.ui.graph.graphs import Arrange
from app.ui.kit.actions import ActionTable
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.i18n import Translator
from app.ui.kit.screen import Screen
from app.ui.kit.services import PagePorts
from app.ui.notices.message_actions import MessageActions
from app.ui.notices.releases import Releases
from app.ui.page.page import Page
from app.ui.results.feature import SavesTo
from app.ui.results.folder_actions import Folder
from app.ui.results.storage_actions import KeepActions
from app.ui.runs.run_actions import RunActions
from app.ui.settings.account_actions import Team
from app.ui.settings.feature import Notifications
from app.ui.settings.notifications import Notifier
from app.ui.tray.feature import SharedFiles
from app.ui.windows.orphan_actions import OrphanActions
from app.ui.windows.panel_data import PanelSources
from app.workflows.graph import Key
from tests.kit.page.panels import panel_sources
from tests.kit.page.stills import MemoryNotifier, translator
from tests.kit.page.stills import workflows as four_workflows
from tests.ports.memory_documents import MemoryDocuments

Read = Callable[[str], Awaitable[Blob | None]]


async def _words(language: str) -> Translator:
    return translator(language)


async def _read_nothing(_sha256: str) -> None:
    return None


def make_page(
    session: Any,
    screen: Screen,
    workflows: tuple[OpenWorkflow, ...] | None = None,
    *,
    arrange: Arrange,
    break_server: BreakServer,
    read_input: Read = _read_nothing,
    documents: DocumentStore | None = None,
    releases: Releases | None = None,
    sources: PanelSources | None = None,
    notifier: Notifier | None = None,
    now: Callable[[], float] = lambda: 100.0,
    team: Team | None = None,
    folder: Folder | None = None,
    tray: Tray | None = None,
) -> Page:
    """Return a page that has not started."""
    return Page(
        session,
        screen,
        PagePorts(
            documents=documents or MemoryDocuments(),
            read_input=read_input,
            random_seed=lambda limit: limit,
            now=now,
            steady=now,
            sleep=asyncio.sleep,
        ),
        OpenWorkflows(workflows or four_workflows()),
        releases or Releases("b1"),
        sources or panel_sources(),
        Breaking(break_server),
        Arranging(arrange),
        Notifications(notifier or MemoryNotifier()),
        *(() if team is None else (team,)),
        *(() if folder is None else (SavesTo(folder),)),
        *(() if tray is None else (SharedFiles(tray),)),
        translators=_words,
    )


class PageActions(ActionTable):
    """The actions on runs, with those on dialogs, messages, storage and the work of closed windows."""

    def __init__(
        self,
        session: Any,
        context: PageContext,
        screen: Screen,
        random_seed: Callable[[int], int],
        *,
        deletions: Deletions,
        **notes: Any,
    ) -> None:
        self.runs = RunActions(session, context, screen, random_seed, deletions=deletions, **notes)
        self.early_runs = self.runs.early_runs
        self.orphans = OrphanActions(session, context, screen)
        keeping = KeepActions(session.results, context, deletions)
        messages = MessageActions(context, screen)
        super().__init__(context, deletions, *self.runs.owners, messages, keeping, self.orphans)

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]], purpose: str = "") -> None:
        self.runs.take_files(key, files, purpose)

    def take_many(self, key: Key | None, files: FileSet, purpose: str = "") -> bool:
        return self.runs.take_many(key, files, purpose)

    async def recover(self, read_input: Read) -> None:
        await self.runs.recover(read_input)
