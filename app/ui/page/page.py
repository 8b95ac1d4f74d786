"""The page: follows the session and the user, and patches what has changed, at most once per frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from app.core.errors import BadInput
from app.core.model import PromptId
from app.core.ports.blobs import Blob
from app.core.ports.files import FileSet
from app.session import Session
from app.session.timing import begin
from app.ui.kit.actions import ActionTable
from app.ui.kit.commands import Command
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import OpenDialog
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import ImageAddresses
from app.ui.kit.projection import PageView, Projection, Surroundings
from app.ui.kit.screen import Facts, Screen
from app.ui.kit.services import PagePorts, Services
from app.ui.kit.state import UiState
from app.ui.kit.undeleted import keep_undeleted
from app.ui.page.features import FEATURES
from app.ui.page.projection import OPENINGS, commands, project, running, with_progress
from app.ui.page.redraw import ProgressOrder, RedrawScheduler
from app.ui.page.regions import REGIONS, changed_regions, digest_of, other_changes
from app.ui.page.tab_icon import draw_icon
from app.ui.page.tab_title import ended_ids, read_sign, title_ends, word_title
from app.workflows.graph import Key
from app.workflows.word_lists import is_word_file

log = logging.getLogger("mooring.ui")

FIRST_WAIT = 1.0  # seconds for what the first drawing needs of the gateway
MOST_BY_ONE = 100  # files that are taken one by one

LIVES = tuple(feature.life for feature in FEATURES)
SERVICES = tuple(service for feature in FEATURES for service in feature.services)


class Page:
    """One window's page, put together from `FEATURES`. `translators(language)` returns a translator.

    `given` is what single features are given from outside, each of a type that they declare.
    """

    def __init__(
        self,
        session: Session,
        screen: Screen,
        ports: PagePorts,
        *given: object,
        translators: Callable[[str], Awaitable[Translator]],
    ) -> None:
        self._session = session
        self._screen = screen
        self._ports = ports
        self._translators = translators
        self._background: set[asyncio.Task[None]] = set()
        self._translator: Translator | None = None
        self._shown: PageView | None = None
        self._is_starting = True  # nothing is drawn yet
        self._drawn: Mapping[str, str] = {}  # the regions that the gateway has drawn: digests of their markup
        self._sent: dict[str, object] = {}
        self._seen: frozenset[PromptId] = frozenset()  # that had ended when the tab was last visible
        self._is_restored = False
        self._redraws = RedrawScheduler(screen.schedule, self.draw, self._move)
        self._progress_order = ProgressOrder()
        self._is_guarded = False
        self._is_asked = False  # another window has asked the user to come here
        self._ui = UiState()
        self._images = ImageAddresses(session, screen, self.spawn, self.request, read_input=ports.read_input)
        deletions = Deletions(self, ports.steady, ports.sleep, partial(keep_undeleted, screen))
        builders = {service.kind: service.build for service in SERVICES}
        self.services = services = Services(
            builders, self, session, screen, self._images, deletions, *given, ports=ports
        )
        self._ui = self._ui.with_slices(*(make(services) for feature in FEATURES for make in feature.states))
        self.actions = ActionTable(self, deletions)
        for service in SERVICES:
            if (built := services.find(service.kind)) is not None:
                self.actions.add(*service.actors(built))
        for name, kind in OPENINGS.items():
            self.actions.add_opening(name, kind)

    @property
    def ui(self) -> UiState:
        return self._ui

    def set_ui(self, ui: UiState) -> None:
        """Replace the state; the typed values are saved immediately."""
        self._take_ui(ui)
        self.request()

    def set_quietly(self, ui: UiState) -> None:
        """Like `set_ui`, but drawn with what is drawn next, or after a while without another."""
        self._take_ui(ui)
        self._redraws.request_quietly()

    def adjust(self, ui: UiState) -> None:
        """Replace the state by itself, not for the user: a reload does not restore it."""
        self._ui = ui
        self.request()

    def _take_ui(self, ui: UiState) -> None:
        before, self._ui = self._ui, ui
        for life in LIVES:
            if life.follow_state is not None:
                life.follow_state(self.services, before)

    @property
    def shown(self) -> PageView | None:
        """The page as it was drawn last."""
        return self._shown

    @property
    def translator(self) -> Translator | None:
        """The language of the page; None before the first one is loaded."""
        return self._translator

    def commands(self, page: Projection | PageView) -> tuple[Command, ...]:
        """Return what can be done there now, of all features, in the order of the list; nothing without a language."""
        return commands(page, self._ui, self._translator) if self._translator is not None else ()

    def word(self, text: str) -> str:
        """Return the text that the page shows for a label."""
        return self._translator.known(text) if self._translator is not None else text

    async def start(self, language: str) -> None:
        """Draw for the first time, and follow the session from now on."""
        services = self.services
        for life in LIVES:
            if life.start is not None:
                life.start(services)
        self._images.take(self._screen.early_pictures())
        await self.speak(language)
        self._drawn = self._screen.drawn()
        self._session.subscribe(self._follow, self._follow_move)
        for life in LIVES:
            if life.begin is not None:
                await life.begin(services)
        if self._drawn:  # with the form as it is once the servers' nodes are known
            preparing = asyncio.get_running_loop().create_task(self._prepare())
            self._hold_on_to(preparing)
            await asyncio.wait({preparing}, timeout=FIRST_WAIT)
        self._is_starting = False
        self.draw()

    async def _prepare(self) -> None:
        for life in LIVES:
            if life.prepare is not None:
                await life.prepare(self.services)

    async def load_rest(self) -> None:
        """Load what neither the form nor a run needs. A press of Run from before Python was up is sent first."""
        for life in LIVES:
            if life.hurry is not None:
                await life.hurry(self.services)
        for life in LIVES:
            if life.load is not None:
                life.load(self.services)

    async def speak(self, language: str) -> None:
        """Change the language of the whole page."""
        self._translator = await self._translators(language)
        self._shown = None
        self._sent = {}
        self.request()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; the task is held until it is done, and its error is logged."""
        self._hold_on_to(asyncio.get_running_loop().create_task(work))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Like `spawn`, but run to the first wait immediately."""
        self._hold_on_to(begin(work))

    def hold_drawing(self) -> None:
        """Draw nothing until this click's request has been sent, or 100 ms have passed."""
        self._redraws.hold()

    def _hold_on_to(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an action ended: %r", error, exc_info=error)

    # What the user does

    def act(self, name: str, facts: Facts) -> None:
        """Do an action by its name."""
        self.actions.act(name, facts)

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]], purpose: str = "") -> None:
        """Take dropped, pasted or chosen files: the first feature that has a use for them."""
        if purpose == "drawing" and key is not None:  # of a 3D model, by its result (`static/js/model.js`)
            self._images.keep_drawing(PromptId(key[0]), int(key[1]), files[0][0])
            return
        for life in LIVES:
            if life.take_files is not None and life.take_files(self.services, key, files, purpose):
                return

    def take_many(self, key: Key | None, files: FileSet, purpose: str = "") -> None:
        """Take several files or a folder: together, unless there is a field for each or a workflow.

        Files of words keep their folders in their names.
        """
        for life in LIVES:
            if life.take_many is not None and life.take_many(self.services, key, files, purpose):
                return
        words = [index for index, file in enumerate(files.files) if key is None and is_word_file(file.name)]
        others = sorted(set(range(len(files.files))).difference(words))
        taken = [(files.open(index), files.files[index].path) for index in words]
        taken += [(files.open(index), files.files[index].name) for index in others[:MOST_BY_ONE]]
        self.take_files(key, taken, purpose)
        if len(others) > MOST_BY_ONE:
            self.adjust(self._ui.with_error(BadInput("too-many-files", detail=str(MOST_BY_ONE))))

    def follow_link(self, text: str) -> None:
        """Follow a link into the page: what is in its address after `#`."""
        for life in LIVES:
            if life.follow_link is not None and life.follow_link(self.services, text):
                return

    def follow_kept(self, key: str) -> None:
        """Take over a setting that another window has saved under `key`."""
        for life in LIVES:
            if life.follow_kept is not None:
                life.follow_kept(self.services, key)

    def wake(self, _reason: str) -> None:
        """Reread what other windows may have changed while this tab was hidden."""
        for life in LIVES:
            if life.wake is not None:
                life.wake(self.services)

    # What is shown

    def _follow(self) -> None:
        """Follow a change of the session. Whether leaving must be confirmed is set now, not with the next frame."""
        if self._is_guarded != self._session.has_loose_ends:
            self._is_guarded = not self._is_guarded
            self._screen.guard_leaving(self._is_guarded)
        for life in LIVES:
            if life.follow_session is not None:
                life.follow_session(self.services)
        self.redraw()

    def redraw(self) -> None:
        self._redraws.follow(self._session.runs)

    def show_yourself(self) -> None:
        """Mark the tab for a user who looks for it from another window, until the tab is visible."""
        self._is_asked = True
        self.request()

    def request(self) -> None:
        self._redraws.request()

    def draw(self) -> None:
        """Patch what has changed: the tab's icon and title always, the regions while the tab is visible."""
        for life in LIVES:
            if life.before_drawing is not None:
                life.before_drawing(self.services)
        self._patch(self._page_change)

    def _follow_move(self) -> None:
        self._progress_order.note_move()
        self._redraws.follow_move()

    def _move(self) -> None:
        """Patch the progress of one running task, and that of the next one in a frame of its own."""
        self._patch(self._move_change)
        if not self._progress_order.are_over:
            self._redraws.follow_move()

    def _patch(self, page_change: Callable[[Translator], dict[str, object]]) -> None:
        self._redraws.drawn()
        if self._translator is None or self._is_starting:
            return
        is_hidden = self._screen.is_hidden()
        change = self._tab_change(self._translator, is_hidden)
        if not is_hidden or self._shown is None:
            change |= page_change(self._translator)
        if change and not self._screen.update(change):
            log.warning("a card is not on the page; drawing the whole page")
            self._shown = None
            self.request()

    def _tab_change(self, _: Translator, is_hidden: bool) -> dict[str, object]:
        ended = ended_ids(self._session)
        if ended is not None and (not is_hidden or not self._is_restored):
            self._seen, self._is_restored = ended, True
        for life in LIVES:
            if life.follow_ends is not None:
                life.follow_ends(self.services, ended)
        is_found, self._is_asked = self._is_asked and not is_hidden, self._is_asked and is_hidden
        sign = read_sign(self._session, self._seen, is_asked=self._is_asked)
        news = self._news({"title": word_title(sign, _), "ends": title_ends(sign), "icon": draw_icon(sign)})
        return {**news, "found": True} if is_found else news

    def _page_change(self, _: Translator) -> dict[str, object]:
        services = self.services
        self._refresh_previews(None)
        given = [part for life in LIVES if life.refresh is not None for part in life.refresh(services)]
        view = project(
            self._session,
            self._ui,
            self._images,
            Surroundings(is_online=self._screen.is_online(), is_private=self._ports.is_private),
            *given,
            language=_.language,
            word=self.word,
        )
        for life in LIVES:
            if life.follow_view is not None:
                life.follow_view(services, view)
        regions = self._undrawn(changed_regions(self._shown, view, _))
        changes = other_changes(self._shown, view, _)
        self._shown = view
        facts: dict[str, object] = {"lang": "en" if _.language == "pseudo" else _.language}
        for life in LIVES:
            facts |= life.facts(services) if life.facts is not None else {}
            changes |= life.messages(services, _) if life.messages is not None else {}
        fresh = {"regions": regions} if regions else {}
        return {**fresh, **changes, **self._news(facts)}

    def _undrawn(self, regions: dict[str, str]) -> dict[str, str]:
        """Return the regions without those that the gateway has drawn equally, of the first drawing."""
        drawn, self._drawn = self._drawn, {}
        return {region: markup for region, markup in regions.items() if drawn.get(region) != digest_of(markup)}

    def _move_change(self, _: Translator) -> dict[str, object]:
        """Return what has moved of the task whose turn it is: everything else is as it was drawn."""
        shown = self._shown
        if shown is None or shown.of(OpenDialog).follows_progress:
            return self._page_change(_)
        prompt_id = self._progress_order.next(running(shown))
        if prompt_id is None:
            return {}
        self._refresh_previews((prompt_id,))
        self._shown = with_progress(shown, prompt_id, self._session, self._images)
        regions = changed_regions(shown, self._shown, _)
        return {} if not regions else {"regions": regions} if regions.keys() & REGIONS.keys() else {"moved": regions}

    def _refresh_previews(self, prompt_ids: tuple[PromptId, ...] | None) -> None:
        for life in LIVES:
            if life.refresh_previews is not None:
                life.refresh_previews(self.services, prompt_ids)

    def _news(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Return the entries that changed since the last update."""
        news = {name: value for name, value in facts.items() if self._sent.get(name) != value}
        self._sent |= news
        return dict(news)
