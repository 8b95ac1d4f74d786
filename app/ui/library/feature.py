"""The library of workflows, as a dialog."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.ui.form import drafts
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.context import OpenWorkflows
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import DialogKind, Feature, Files, Life, Service, itself
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.kit.state import UiState
from app.ui.kit.thumbnails import Sights, finder
from app.ui.library.actions import LibraryActions, is_json
from app.ui.library.choosing import Chooser
from app.ui.library.commands import library_commands
from app.ui.library.library import Library, is_file
from app.ui.library.library_html import library
from app.ui.library.listing import LibraryIndex, library_view, sight_name
from app.ui.library.opening import Opener
from app.ui.library.state import LibraryDialog, LibraryView
from app.ui.runs.feature import RunNotes
from app.ui.runs.many import ManyDialog
from app.ui.runs.run_actions import RunActions
from app.ui.words.state import WordsState, words_view
from app.ui.words.words import WordLists
from app.workflows.graph import Key


@dataclass(frozen=True, slots=True)
class LibraryPictures:
    """The addresses of the pictures of workflows, by their names."""

    url: Callable[[str], str] = lambda _name: ""


class LibrarySights(Sights):
    """The pictures of workflows in the library."""


def _library(dialog: LibraryDialog, page: Projection) -> LibraryView:
    ui, stock = page.ui, page.of(LibraryEntries)
    chosen, pictures = ui.of(FormState).workflow_id, page.of(LibraryPictures)
    view = library_view(dialog, stock, page.session.fleet, chosen, pictures.url)
    return replace(view, words=words_view(ui.of(WordsState), dialog.query, ui.hidden))


def _library_of(services: Services) -> Library:
    ports = services.ports
    return Library(ports.documents, services.session.files, ports.now, services.page.request)


def _opener(services: Services) -> Opener:
    return Opener(
        services.page,
        services.of(Library),
        services.of(FormCatalogues),
        services.screen,
        lambda _opened: _recover(services),
        on_choice=services.of(Deletions).spare,
        on_version=lambda before: services.of(LibraryActions).offer_version(before),
    )


def _words(services: Services) -> WordLists:
    session, shelf = services.session, services.of(Library)
    return WordLists(
        services.ports.documents,
        shelf,
        services.page,
        services.screen,
        models=session.models,
        now=services.ports.now,
        is_listed=lambda: bool(session.fleet.source) and shelf.is_listed(session.fleet.workflows),
        deletions=services.of(Deletions),
    )


def _actions(services: Services) -> LibraryActions:
    return LibraryActions(
        services.page,
        services.screen,
        services.of(Library),
        services.of(Opener),
        lambda files: services.of(RunActions).take_files(None, files),
        words=services.of(WordLists),
        deletions=services.of(Deletions),
    )


def _chooser(services: Services) -> Chooser:
    catalogues = services.of(FormCatalogues)
    return Chooser(services.session, services.page, services.of(Library), services.of(Opener), catalogues)


def _recover(services: Services) -> None:
    """Restore the files of the forms from before a reload."""
    services.page.spawn(services.of(RunActions).recover(services.ports.read_input))


def _first_form(services: Services) -> FormState:
    screen = services.screen
    return drafts.load(drafts.recall(screen, services.ports.now()), services.of(OpenWorkflows).workflows, is_file)


def _follow_state(services: Services, before: UiState) -> None:
    ui = services.page.ui
    if ui.of(OpenWorkflows) is before.of(OpenWorkflows):
        return
    services.of(Chooser).follow_workflows()
    if any(draft.awaited for draft in services.page.ui.of(FormState).drafts.values()):
        _recover(services)


def _refresh(services: Services) -> Iterable[object]:
    """Open the chosen workflow, and look for published workflows and for the pictures of an open library."""
    session, shelf, ui = services.session, services.of(Library), services.page.ui
    tag = session.fleet.workflows
    if session.fleet.source and shelf.is_stale(tag):
        services.page.spawn(shelf.refresh_published(tag))
    opener, dialog = services.of(Opener), ui.dialog
    opener.refresh()
    ui = services.page.ui
    opening = opener.opening(ui.of(FormState).workflow_id)
    stock = services.of(LibraryIndex).stock(ui.of(OpenWorkflows).workflows, shelf, session.fleet, opening, ui.hidden)
    is_shown = isinstance(dialog, LibraryDialog)
    items = [entry.item for entry in stock.entries if entry.item is not None and is_shown]
    read = session.results.read_thumbnail
    versions = {
        sight_name(item, version): finder(version.prompts, read)
        for item in items
        if isinstance(dialog, LibraryDialog) and item.item_id == dialog.versions
        for version in item.versions
    }
    sights = services.of(LibrarySights)
    sights.want({**{item.item_id: finder(item.runs, read) for item in items}, **versions})
    return stock, LibraryPictures(sights.url)


def _take_files(services: Services, key: Key | None, files: Files, purpose: str) -> bool:
    """Take files as workflows, or for whichever field fits, unless they are aimed at the plan of runs or at a field."""
    is_planning = isinstance(services.page.ui.dialog, ManyDialog) or purpose == "plan"
    if is_planning or (key is not None and not any(is_json(*file) for file in files)):
        return False
    services.of(LibraryActions).take_files(files, is_surely=purpose == "open")
    return True


FEATURE = Feature(
    commands=(library_commands,),
    dialogs=(DialogKind(LibraryDialog, _library, library),),
    states=(_first_form,),
    services=(
        Service(Library, _library_of),
        Service(LibraryIndex, lambda _services: LibraryIndex()),
        Service(LibrarySights, lambda its: LibrarySights(its.screen, its.page.spawn, its.page.request)),
        Service(Opener, _opener),
        Service(Chooser, _chooser),
        Service(WordLists, _words, itself),
        Service(RunNotes, lambda its: RunNotes(its.of(Opener).note_used, its.of(WordLists).read)),
        Service(LibraryActions, _actions, itself),
    ),
    life=Life(
        begin=lambda services: services.of(Chooser).begin(services.screen.chosen_workflow()),
        prepare=lambda services: services.of(Chooser).know_form(),
        load=_recover,
        wake=lambda services: services.page.spawn(services.of(Library).refresh()),
        follow_state=_follow_state,
        follow_session=lambda services: services.of(Chooser).leave_impossible(),
        take_files=_take_files,
        refresh=_refresh,
    ),
)
