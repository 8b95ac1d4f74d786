"""The page: follows the session and the person, and patches what is different, at most once per frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from app.core.model import PromptId
from app.core.ports import Blob
from app.session import Session
from app.ui import drafts
from app.ui.actions import Actions
from app.ui.arrange_actions import recall_layout
from app.ui.break_actions import BreakActions, BreakServer
from app.ui.form_catalogues import FormCatalogues
from app.ui.gallery import Gallery
from app.ui.graph_actions import GraphActions
from app.ui.graphs import Arrange, Graphs
from app.ui.i18n import Translator
from app.ui.projection import graph_subject, project
from app.ui.questions import PictureDialog
from app.ui.regions import changed_regions, graph_change, live_words
from app.ui.releases import Releases
from app.ui.screen import Facts, Screen
from app.ui.state import PageView, Surroundings, UiState
from app.ui.tab_icon import draw_icon
from app.ui.tab_sign import ended_ids, read_sign, word_title
from app.ui.workflows import OpenWorkflow
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")


class Page:
    """One window's page. `translators(language)` gets the words of a language, `read_input(sha256)` a kept picture.

    `arrange` gives places for a graph.
    """

    def __init__(
        self,
        session: Session,
        screen: Screen,
        workflows: tuple[OpenWorkflow, ...],
        *,
        releases: Releases,
        translators: Callable[[str], Awaitable[Translator]],
        random_seed: Callable[[int], int],
        read_input: Callable[[str], Awaitable[Blob | None]],
        break_server: BreakServer,
        arrange: Arrange,
    ) -> None:
        self._session = session
        self._screen = screen
        self._workflows = tuple(recall_layout(screen, item) for item in workflows)
        self._releases = releases
        self._translators = translators
        self._read_input = read_input
        self._background: set[asyncio.Task[None]] = set()
        self._translator: Translator | None = None
        self._shown: PageView | None = None
        self._told: dict[str, str] = {}
        self._seen: frozenset[PromptId] = frozenset()  # what had ended when the tab was last seen
        self._is_restored = False
        self._is_due = False
        self._is_guarded = False
        self._ui = drafts.load(screen.recall(drafts.STORE_KEY), workflows)
        self._gallery = Gallery(session, screen, self.spawn, self.request, read_input=read_input)
        self._graphs = Graphs(arrange, self.spawn, self.request)
        self._catalogues = FormCatalogues(session, self)
        self._actions = Actions(session, self, screen, random_seed)
        self._breaking = BreakActions(break_server, self)
        self._graph_hands = GraphActions(self, self._graphs)

    @property
    def ui(self) -> UiState:
        """The person's own part."""
        return self._ui

    def set_ui(self, ui: UiState) -> None:
        """Change the person's own part; what was typed is remembered at once."""
        is_typed = (ui.workflow_id, ui.drafts) != (self._ui.workflow_id, self._ui.drafts)
        self._ui = ui
        if is_typed:
            self._screen.remember(drafts.STORE_KEY, drafts.dump(ui))
        self.request()

    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]:
        """What there is to choose."""
        return self._workflows

    def set_workflows(self, workflows: tuple[OpenWorkflow, ...]) -> None:
        """Offer these: with another one, or one with the form of a catalogue that was read. What was typed stays."""
        self._workflows = workflows
        if not any(item.workflow_id == self._ui.workflow_id for item in workflows):
            self._ui = replace(self._ui, workflow_id=workflows[0].workflow_id if workflows else "")
        self.request()

    async def start(self, language: str) -> None:
        """Draw for the first time, and follow the session from now on."""
        await self.speak(language)
        self._session.subscribe(self._follow)
        self._releases.subscribe(self.request)
        self.draw()
        self.spawn(self._actions.recover(self._read_input))

    async def speak(self, language: str) -> None:
        """Change the language of the whole page."""
        self._translator = await self._translators(language)
        self._shown = None
        self._told = {}
        self.request()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; held until done, and an error is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an action ended: %r", error, exc_info=error)

    # What the person does

    def act(self, name: str, facts: Facts) -> None:
        """A click on `data-action`, or its key."""
        if not self._breaking.act(name, facts) and not self._graph_hands.act(name, facts):
            self._actions.act(name, facts)

    def change(self, name: str, facts: Facts) -> None:
        """A new choice in `data-change`."""
        if not self._breaking.change(name, facts):
            self._actions.change(name, facts)

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""
        self._actions.type(name, facts)

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen."""
        self._actions.take_files(key, files)

    # What is shown

    def _follow(self) -> None:
        """The session has changed. Whether leaving has to be asked about is said at once, not with the next frame."""
        if self._is_guarded != self._session.has_loose_ends:
            self._is_guarded = not self._is_guarded
            self._screen.guard_leaving(self._is_guarded)
        self.request()

    def request(self) -> None:
        """Draw soon: many changes become one patch."""
        if not self._is_due:
            self._is_due = True
            self._screen.schedule(self.draw)

    def draw(self) -> None:
        """Patch what is different: the tab's sign always, the regions while somebody can see them."""
        self._is_due = False
        if self._translator is None:
            return
        is_hidden = self._screen.is_hidden()
        change = self._tab_change(self._translator, is_hidden)
        if not is_hidden or self._shown is None:
            change |= self._page_change(self._translator)
        if change:
            self._screen.update(change)

    def _tab_change(self, _: Translator, is_hidden: bool) -> dict[str, object]:
        ended = ended_ids(self._session)
        if ended is not None and (not is_hidden or not self._is_restored):
            self._seen, self._is_restored = ended, True
        sign = read_sign(self._session, self._seen)
        return self._news({"title": word_title(sign, _), "icon": draw_icon(sign)})

    def _page_change(self, _: Translator) -> dict[str, object]:
        dialog = self._ui.dialog
        self._catalogues.refresh()
        self._gallery.refresh((dialog.prompt_id, dialog.index) if isinstance(dialog, PictureDialog) else None)
        opened = next((item for item in self._workflows if item.workflow_id == self._ui.workflow_id), None)
        self._graphs.refresh(graph_subject(self._session, self._ui, opened))
        view = project(
            self._session,
            self._ui,
            workflows=self._workflows,
            pictures=self._gallery,
            language=_.language,
            drawings=self._graphs,
            surroundings=Surroundings(self._releases.newer, self._screen.is_online()),
            word=_.known,
        )
        regions, graph = changed_regions(self._shown, view, _), graph_change(self._shown, view, _)
        self._shown = view
        told = {"live": live_words(view, _), "lang": "en" if _.language == "pseudo" else _.language}
        return {**({"regions": regions} if regions else {}), **graph, **self._news(told)}

    def _news(self, told: dict[str, str]) -> dict[str, object]:
        """What was not told before."""
        news = {name: value for name, value in told.items() if self._told.get(name) != value}
        self._told |= news
        return dict(news)
