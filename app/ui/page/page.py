"""The page: follows the session and the user, and patches what has changed, at most once per frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from app.core.errors import BadInput
from app.core.model import PromptId
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.ports.files import FileSet
from app.core.ports.tray import Tray
from app.core.previews import Previews
from app.session import Session
from app.session.timing import begin
from app.ui.commands.actions import PaletteActions
from app.ui.commands.commands import Offered
from app.ui.commands.feature import offered_of
from app.ui.commands.shortcuts import SINGLE
from app.ui.fleet.faults_actions import BreakActions, BreakServer
from app.ui.form import drafts
from app.ui.form.arrange_actions import recall_layout
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.context import OpenWorkflows, opened_on, workflows_on
from app.ui.form.model_picker import ModelPicker
from app.ui.form.open_workflow import OpenWorkflow, shaped
from app.ui.form.picker import LibraryEntries
from app.ui.form.preset_actions import PresetActions
from app.ui.form.recent_values import Recents
from app.ui.form.remote_choices import RemoteLists
from app.ui.form.state import FormState, FormView, NodesView
from app.ui.graph.actions import GraphActions
from app.ui.graph.feature import GraphDrawings, graph_subject
from app.ui.graph.graphs import Arrange, Graphs
from app.ui.kit.context import attempt
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import OpenDialog
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import ImageAddresses
from app.ui.kit.projection import PageView, Surroundings
from app.ui.kit.screen import Screen
from app.ui.kit.state import UiState
from app.ui.kit.thumbnails import Sights, finder
from app.ui.kit.undeleted import keep_undeleted, read_undeleted
from app.ui.library.actions import LibraryActions, is_json
from app.ui.library.feature import LibraryPictures
from app.ui.library.library import Library, is_file
from app.ui.library.listing import LibraryIndex, can_run, sight_name
from app.ui.library.opening import Opener
from app.ui.library.state import LibraryDialog
from app.ui.links.actions import LinkActions
from app.ui.notices.notice_timer import NoticeTimer
from app.ui.notices.releases import Release, Releases
from app.ui.notices.state import Messages, Notices, NoticesState
from app.ui.page.actions import PageActions
from app.ui.page.panel_actions import PanelActions
from app.ui.page.panel_data import PanelData, PanelSources
from app.ui.page.projection import project, running, with_progress
from app.ui.page.redraw import ProgressOrder, RedrawScheduler
from app.ui.page.regions import REGIONS, changed_regions, digest_of, other_changes
from app.ui.page.tab_icon import draw_icon
from app.ui.page.tab_title import ended_ids, read_sign, title_ends, word_title
from app.ui.results.actions import ResultsActions
from app.ui.results.album_actions import AlbumActions
from app.ui.results.album_rows import AlbumRows
from app.ui.results.feature import AlbumNow
from app.ui.results.folder_actions import Folder, FolderActions
from app.ui.results.reuse import Reuse
from app.ui.results.state import PictureDialog
from app.ui.runs.batches import BatchFollower
from app.ui.runs.downloads import DownloadActions
from app.ui.runs.many import ManyDialog
from app.ui.runs.runnability import POLL_INTERVAL, Standings
from app.ui.runs.state import BatchNow
from app.ui.scripting.actions import ScriptingActions
from app.ui.settings.account_actions import Team
from app.ui.settings.actions import SettingsActions, page_settings
from app.ui.settings.notifications import EndNotifier, Notifier
from app.ui.settings.settings import KEY as SETTINGS_KEY
from app.ui.settings.settings import Settings, read_settings
from app.ui.tray.actions import LINK as SHARED_LINK
from app.ui.tray.actions import TrayActions
from app.ui.tray.feature import TrayPictures
from app.ui.windows.orphans import KEY as LEFT_KEY
from app.ui.words.words import Words
from app.workflows.forms.fields import MAX_SEED
from app.workflows.graph import Key
from app.workflows.library import Item
from app.workflows.word_lists import is_word_file

log = logging.getLogger("mooring.ui")

FIRST_WAIT = 1.0  # seconds for what the first drawing needs of the gateway
MOST_BY_ONE = 100  # files that are taken one by one


class Page:
    """One window's page. `translators(language)` returns a translator, `read_input(sha256)` a kept picture.

    `arrange` computes the layout of a graph. `documents` has the library, presets and recent values; `now` is the time,
    `steady` a clock that is never set. `panel_sources` has the data of the header's panels, `notifier` reaches a user
    whose focus is elsewhere.
    Each result is saved to the `folder`, if the user has chosen one. `tray` has the files that other apps have shared.
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
        now: Callable[[], float],
        steady: Callable[[], float] | None = None,
        documents: DocumentStore,
        panel_sources: PanelSources,
        notifier: Notifier,
        team: Team | None = None,
        folder: Folder | None = None,
        tray: Tray | None = None,
        is_private: bool = False,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._screen = screen
        self._is_private = is_private
        self._releases = releases
        self._translators = translators
        self._read_input = read_input
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
        self._library = Library(documents, session.files, now, self.request)
        self._ui = UiState().with_slices(
            OpenWorkflows(tuple(recall_layout(screen, item) for item in workflows)),
            drafts.load(drafts.recall(screen, now()), workflows, is_file),
            read_settings(screen.kept(SETTINGS_KEY)),
            NoticesState(undeleted=read_undeleted(screen)),
        )
        self._deletions = Deletions(self, steady or now, sleep, partial(keep_undeleted, screen))
        self._notice_timer = NoticeTimer(self, sleep)
        self._image_addresses = ImageAddresses(session, screen, self.spawn, self.request, read_input=read_input)
        self._graphs = Graphs(arrange, read_input, self.spawn, self.request)
        self._catalogues = FormCatalogues(session, self)
        self._opener = Opener(
            self,
            self._library,
            self._catalogues,
            screen,
            self._opened,
            on_choice=self._deletions.spare,
            on_version=self._offer_version,
        )
        self._sights = Sights(screen, self.spawn, self.request)
        self._library_index = LibraryIndex()
        self._end_notifier = EndNotifier(notifier, steady or now)
        self._batches = BatchFollower()
        self._settings = SettingsActions(
            self,
            screen,
            notifier,
            lambda: self._translator,
            session.choose_previews,
            hand_over=lambda: drafts.hand_over(self._ui.of(FormState), screen, now()),
        )
        self._recents = Recents(documents, self, screen, self._deletions)
        self._words = Words(
            documents,
            self._library,
            self,
            screen,
            models=session.models,
            now=now,
            is_listed=lambda: bool(session.fleet.source) and self._library.is_listed(session.fleet.workflows),
            deletions=self._deletions,
        )
        self._album_rows = AlbumRows(session, documents, self)
        self._results = ResultsActions(self, screen, session.name_project)
        self._album = AlbumActions(session, self._album_rows, self, screen, now, deletions=self._deletions)
        self.actions = PageActions(
            session,
            self,
            screen,
            random_seed,
            self._opener.note_used,
            note_values=self._recents.note,
            read_wildcards=self._words.read,
            deletions=self._deletions,
        )
        self._standings = Standings(session, self, screen, pause=lambda: asyncio.sleep(POLL_INTERVAL))
        self._downloads = DownloadActions(session.model_downloads, lambda: session.fleet, self, screen, sleep)
        self._lists = RemoteLists(session, self)
        self._panel_data = PanelData(
            panel_sources, session, screen, spawn=self.spawn, changed=self.request, on_show=self._show_yourself
        )
        self._folder = (
            None if folder is None else FolderActions(folder, session, self, screen, now, deletions=self._deletions)
        )
        self._library_actions = LibraryActions(
            self, screen, self._library, self._opener, lambda files: self.actions.take_files(None, files),
            words=self._words, deletions=self._deletions,
        )  # fmt: skip
        self._shared_sights = Sights(screen, self.spawn, self.request)
        self._tray = (
            None
            if tray is None
            else TrayActions(
                tray, self, screen, sights=self._shared_sights, deletions=self._deletions,
                take_files=self.actions.take_files,
                ask_each=lambda files: self.actions.take_many(None, files, "many"),
            )
        )  # fmt: skip
        self._links = LinkActions(session, self, screen, self._library, self._opener)
        self.actions.add(
            self._settings,
            self._recents,
            self._words,
            ModelPicker(session.models, self, screen),
            self._results,
            self._album,
            self._standings,
            self._downloads,
            self._library_actions,
            PaletteActions(
                self, screen, self.actions.act,
                words=lambda: self._translator, offered=self._offered, draw=self.draw,
            ),
            ScriptingActions(self),
            GraphActions(session, self, self._graphs),
            PanelActions(session, self, screen, self._panel_data.ask),
            PresetActions(documents, self, screen, lambda: f"{random_seed(MAX_SEED):016x}", self._deletions),
            BreakActions(break_server, self),
            Reuse(
                session, self, screen, self._opener, read_input,
                take_files=lambda files: self.actions.take_files(None, files),
                recover=lambda: self.actions.recover(read_input),
            ),
            self._links,
            *(() if team is None else team.actions(self, screen, session.results)),
            *(() if self._folder is None else (self._folder,)),
            *(() if self._tray is None else (self._tray,)),
        )  # fmt: skip

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

    def _take_ui(self, ui: UiState) -> None:
        before, form = self._ui.of(FormState), ui.of(FormState)
        has_others = self._ui.of(OpenWorkflows) is not ui.of(OpenWorkflows)
        self._ui = ui
        if (form.workflow_id, form.drafts) != (before.workflow_id, before.drafts):
            self._screen.remember(drafts.STORE_KEY, drafts.dump(form))
        if has_others:
            self._follow_workflows()

    def _follow_workflows(self) -> None:
        """Follow a change of the open workflows."""
        self._choose_something()
        self._leave_impossible()
        if any(draft.awaited for draft in self._ui.of(FormState).drafts.values()):
            self.spawn(self.actions.recover(self._read_input))

    def _choose_something(self) -> None:
        """Choose the first workflow if the chosen one is gone."""
        chosen = self._ui.of(FormState).workflow_id
        if not self._opener.knows(chosen) and not any(item.workflow_id == chosen for item in workflows_on(self)):
            self._choose_first()

    def _leave_impossible(self) -> None:
        """Choose another workflow if this fleet cannot run the chosen one, and nothing was typed into it."""
        form, fleet = self._ui.of(FormState), self._session.fleet
        if form.workflow_id in form.drafts:
            return
        if any(item.workflow_id == form.workflow_id and not can_run(item, fleet) for item in workflows_on(self)):
            self._choose_first()

    def _choose_first(self) -> None:
        """Choose the first workflow that can run here, or the first one."""
        possible = [item for item in workflows_on(self) if can_run(item, self._session.fleet)]
        first = next(iter([*possible, *workflows_on(self)]), None)
        self._ui = self._ui.with_slices(
            replace(self._ui.of(FormState), workflow_id=first.workflow_id if first is not None else "")
        )

    def _opened(self, _opened: OpenWorkflow) -> None:
        """Restore the files of a workflow's form from before a reload."""
        self.spawn(self.actions.recover(self._read_input))

    def _offer_version(self, before: Item) -> None:
        self._library_actions.offer_version(before)

    def word(self, text: str) -> str:
        """Return the text that the page shows for a label."""
        return self._translator.known(text) if self._translator is not None else text

    async def start(self, language: str) -> None:
        """Draw for the first time, and follow the session from now on."""
        self._results.load()
        self._image_addresses.take(self._screen.early_pictures())
        await self.speak(language)
        self._drawn, chosen = self._screen.drawn(), self._screen.chosen_workflow()
        self._session.subscribe(self._follow, self._follow_move)
        self._releases.subscribe(self.request)
        await self._library.refresh()
        if not self._session.fleet.workflows:
            self._choose_something()
        if chosen:
            self._opener.choose(chosen)
        if self._drawn:  # with the form as it is once the servers' nodes are known
            knowing = asyncio.get_running_loop().create_task(self._know_form())
            self._hold_on_to(knowing)
            await asyncio.wait({knowing}, timeout=FIRST_WAIT)
        self._is_starting = False
        self.draw()

    async def load_rest(self) -> None:
        """Load what neither the form nor a run needs. A press of Run from before Python was up is sent first."""
        await self.actions.early_runs.until_idle()
        self.spawn(self.actions.recover(self._read_input))
        self.spawn(self._recents.load())
        attempt(self, self._album_rows.load())
        self.actions.orphans.follow_kept()
        self.spawn(self._words.load())
        self._downloads.load()
        if self._folder is not None:
            attempt(self, self._folder.load())
        if self._tray is not None:
            self._tray.follow()

    async def _know_form(self) -> None:
        """Read what the chosen workflow's form is made from, and where it can run."""
        await self._session.until_fleet()
        if self._session.fleet.source:
            await self._library.refresh_published(self._session.fleet.workflows)
        self._choose_something()
        self._leave_impossible()
        await self._opener.open_now()
        await self._catalogues.read_now()
        await self._standings.check_now()

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

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]], purpose: str = "") -> None:
        """Take dropped, pasted or chosen files: into the open plan of runs, the field aimed at, or as a workflow."""
        if purpose == "drawing" and key is not None:  # of a 3D model, by its result (`static/js/model.js`)
            self._image_addresses.keep_drawing(PromptId(key[0]), int(key[1]), files[0][0])
            return
        is_planning = isinstance(self._ui.dialog, ManyDialog) or purpose == "plan"
        if is_planning or (key is not None and not any(is_json(*file) for file in files)):
            self.actions.take_files(key, files, purpose)
        else:
            self._library_actions.take_files(files, is_surely=purpose == "open")

    def follow_link(self, text: str) -> None:
        """Follow a link into the page: what is in its address after `#`."""
        if text.startswith(SHARED_LINK):
            if self._tray is not None:
                self._tray.note_arrival(text)
            return
        self._links.follow(text)

    def take_many(self, key: Key | None, files: FileSet, purpose: str = "") -> None:
        """Take several files or a folder: a run for each of them, unless there is a field for each or a workflow.

        Files of words keep their folders in their names.
        """
        if self.actions.take_many(key, files, purpose):
            return
        words = [index for index, file in enumerate(files.files) if key is None and is_word_file(file.name)]
        others = sorted(set(range(len(files.files))).difference(words))
        taken = [(files.open(index), files.files[index].path) for index in words]
        taken += [(files.open(index), files.files[index].name) for index in others[:MOST_BY_ONE]]
        self.take_files(key, taken, purpose)
        if len(others) > MOST_BY_ONE:
            self._ui = self._ui.with_error(BadInput("too-many-files", detail=str(MOST_BY_ONE)))
            self.request()

    def follow_kept(self, key: str) -> None:
        """Take over a setting that another window has saved under `key`."""
        self._settings.follow(key)
        if key in {"", LEFT_KEY}:
            self.actions.orphans.follow_kept()

    def wake(self, _reason: str) -> None:
        """Reread the library and the album: other windows may have changed them while this tab was hidden."""
        self._album_rows.invalidate()
        if self._folder is not None:
            self._folder.refresh()
        self.spawn(self._library.refresh())
        self.spawn(self._words.load())

    # What is shown

    def _follow(self) -> None:
        """Follow a change of the session. Whether leaving must be confirmed is set now, not with the next frame."""
        if self._is_guarded != self._session.has_loose_ends:
            self._is_guarded = not self._is_guarded
            self._screen.guard_leaving(self._is_guarded)
        self._leave_impossible()
        self.redraw()

    def redraw(self) -> None:
        self._redraws.follow(self._session.runs)

    def _show_yourself(self) -> None:
        """Mark the tab for a user who looks for it from another window, until the tab is visible."""
        self._is_asked = True
        self.request()

    def request(self) -> None:
        self._redraws.request()

    def draw(self) -> None:
        """Patch what has changed: the tab's icon and title always, the regions while the tab is visible."""
        self._panel_data.announce()
        if self._folder is not None:
            self._folder.follow()
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
        self._end_notifier.update(self._session, ended, self._ui.of(Settings), _)
        self._batches.follow(self._session)
        is_found, self._is_asked = self._is_asked and not is_hidden, self._is_asked and is_hidden
        sign = read_sign(self._session, self._seen, is_asked=self._is_asked)
        news = self._news({"title": word_title(sign, _), "ends": title_ends(sign), "icon": draw_icon(sign)})
        return {**news, "found": True} if is_found else news

    def _page_change(self, _: Translator) -> dict[str, object]:
        self._catalogues.refresh()
        stock = self._refresh_library()
        self._links.refresh()
        dialog = self._ui.dialog
        self._words.refresh()
        self._standings.refresh()
        self._panel_data.refresh(dialog)
        self._refresh_previews()
        if isinstance(dialog, PictureDialog):
            self._image_addresses.refresh((dialog.prompt_id, dialog.index), dialog.task)
        else:
            self._image_addresses.refresh()
        opened = opened_on(self)
        self._graphs.refresh(
            graph_subject(
                self._session, self._ui, shaped(opened, self._ui.of(FormState).draft.values) if opened else None
            )
        )
        view = project(
            self._session,
            self._ui,
            self._image_addresses,
            stock,
            LibraryPictures(self._sights.url),
            TrayPictures(self._shared_sights.url),
            BatchNow(self._batches.view),
            AlbumNow(self._album.view(), self._album.has_given_way, self._album.strip()),
            GraphDrawings(self._graphs),
            self._panel_data.facts,
            Surroundings(is_online=self._screen.is_online(), is_private=self._is_private),
            Release(self._releases.newer),
            language=_.language,
            word=self.word,
        )
        self._notice_timer.follow((*view.of(Notices).items, *view.of(Messages).items))
        self._lists.refresh((*view.of(FormView).fields, *view.of(NodesView).fields))
        regions = self._undrawn(changed_regions(self._shown, view, _))
        others = other_changes(self._shown, view, _)
        self._shown = view
        facts: dict[str, object] = {"lang": "en" if _.language == "pseudo" else _.language}
        facts |= page_settings(self._ui.of(Settings), SINGLE)
        fresh = {"regions": regions} if regions else {}
        return {**fresh, **others, **self._album.change(_), **self._news(facts)}

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
        self._shown = with_progress(shown, prompt_id, self._session, self._image_addresses)
        regions = changed_regions(shown, self._shown, _)
        return {} if not regions else {"regions": regions} if regions.keys() & REGIONS.keys() else {"moved": regions}

    def _refresh_previews(self, prompt_ids: Collection[PromptId] | None = None) -> None:
        is_on = self._ui.of(Settings).previews is not Previews.OFF
        self._image_addresses.refresh_previews(prompt_ids, has_previews=is_on)

    def _refresh_library(self) -> LibraryEntries:
        """Open the chosen workflow, and look for published workflows and for the pictures of an open library."""
        tag = self._session.fleet.workflows
        if self._session.fleet.source and self._library.is_stale(tag):
            self.spawn(self._library.refresh_published(tag))
        self._opener.refresh()
        opening = self._opener.opening(self._ui.of(FormState).workflow_id)
        stock = self._library_index.stock(
            workflows_on(self), self._library, self._session.fleet, opening, self._ui.hidden
        )
        is_shown = isinstance(self._ui.dialog, LibraryDialog)
        items = [entry.item for entry in stock.entries if entry.item is not None and is_shown]
        read = self._session.results.read_thumbnail
        versions = {
            sight_name(item, version): finder(version.prompts, read)
            for item in items
            if isinstance(self._ui.dialog, LibraryDialog) and item.item_id == self._ui.dialog.versions
            for version in item.versions
        }
        self._sights.want({**{item.item_id: finder(item.runs, read) for item in items}, **versions})
        return stock

    def _offered(self) -> Offered | None:
        return offered_of(self._shown, self._ui) if self._shown is not None else None

    def _news(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Return the entries that changed since the last update."""
        news = {name: value for name, value in facts.items() if self._sent.get(name) != value}
        self._sent |= news
        return dict(news)
