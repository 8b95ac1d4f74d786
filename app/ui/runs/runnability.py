"""Where the chosen workflow can run, as the page shows it; checked when its choices or a catalogue change.

Typing sends no request: only choices, files and the workflow itself make a difference. While a server lacks a file, it
is polled, since servers do not report new files. A file that no server has does not count against any server: the form
asks for it at its field.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from app.core.aim import is_silent
from app.core.errors import BadInput, MooringError
from app.core.model import Fleet, ServerId
from app.core.spelling import with_slashes
from app.core.window import Restoring, Window
from app.session import Session
from app.ui.form.changes import know, put_draft, with_standing
from app.ui.form.context import opened_on
from app.ui.form.open_workflow import OpenWorkflow, changed_texts, shaped
from app.ui.form.projection import is_picture, needs_file
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import UiState
from app.ui.runs.downloads import Download, DownloadKey, DownloadsState
from app.ui.runs.orders import files_of
from app.ui.runs.state import Blocker, MissingModel, RunnabilityGroup, RunnabilityView
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Choice, Upload
from app.workflows.forms.prompts import prompt_fault
from app.workflows.graph import Key
from app.workflows.model_sources import ModelSource, find_model_source
from app.workflows.needs import Lacks, MissingValue, Runnability, ValueKind
from app.workflows.wildcards import WildcardNames
from wire.downloads import file_name, is_model_folder, judge_source
from wire.health import Health

log = logging.getLogger("mooring.ui")

NO_DOWNLOADS = DownloadsState()
POLL_INTERVAL = 15.0  # seconds between polls of a server that lacks a file


@dataclass(frozen=True, slots=True)
class _Question:
    """Everything that an answer depends on."""

    workflow_id: str
    graph: str
    choices: frozenset[tuple[Key, str]]
    supplied: frozenset[Key]
    catalogues: tuple[tuple[ServerId, str, str], ...]


class Standings:
    """Checks at each drawing what is not known yet; has the actions on what is shown of it."""

    def __init__(
        self,
        session: Session,
        context: PageContext,
        screen: Screen,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._session = session
        self._context = context
        self._screen = screen
        self._pause = pause  # between polls of a server that lacks a file; None: no polling
        self._asked: _Question | None = None

    def refresh(self) -> None:
        """Check if something has changed; nothing waits for it."""
        if (question := self._fresh_question()) is not None:
            self._context.spawn(self._check(*question))

    async def check_now(self) -> None:
        """Check if something has changed."""
        if (question := self._fresh_question()) is not None:
            await self._check_once(*question)

    def _fresh_question(self) -> tuple[_Question, OpenWorkflow] | None:
        opened, draft = self._opened, self._context.ui.of(FormState).draft
        if opened is None or not opened.is_whole or not self._session.fleet.servers:
            return None  # a large form can be typed in before it is whole, and cannot be run
        chosen = shaped(opened, draft.values)
        question = _Question(
            opened.workflow_id,
            opened.workflow.text,
            frozenset((key, text) for key, text in draft.values.items() if _is_choice(chosen.form.by_key.get(key))),
            frozenset(files_of(chosen, draft)),
            tuple((item.server_id, item.catalogue, item.files) for item in self._session.fleet.servers),
        )
        if question == self._asked:
            return None
        self._asked = question
        return question, chosen

    async def _check(self, question: _Question, chosen: OpenWorkflow) -> None:
        """Check, and once more after a while if a server lacks a file."""
        found = await self._check_once(question, chosen)
        if self._pause is not None and any(map(_lacks_file, found.lacks.values())):
            await self._pause()
            if self._asked is question:
                self._context.spawn(self._check(question, chosen))

    async def _check_once(self, question: _Question, chosen: OpenWorkflow) -> Runnability:
        values = {key: _value(chosen.form.by_key[key], text) for key, text in question.choices}
        workflow = chosen.workflow.with_values(values) if values else chosen.workflow
        found = await self._session.standing(workflow, question.supplied)
        if self._asked == question:
            known = self._context.ui.of(FormState).known
            know(self._context, standings={**known.standings, question.workflow_id: found})
        return found

    # Actions

    @action("look-at-catalogues")
    def reload_catalogues(self) -> None:
        """Reload the servers' nodes and files."""
        if not self._context.ui.of(FormState).known.is_looking:
            self._context.spawn(self._reload())

    @action("use-near")
    def use_near(self, node: str, name: str, text: str) -> None:
        """Put a similar value, which a server has, into an input."""
        form, opened = self._context.ui.of(FormState), self._opened
        if opened is None:
            return
        values = {**form.draft.values, (node, name): text}
        put_draft(self._context, form.draft.with_typed(values, form.draft.modes))
        self._screen.update({"texts": changed_texts(opened, form.draft.values, values)})

    async def _reload(self) -> None:
        know(self._context, is_looking=True)
        try:
            await self._session.refresh_catalogues()
        except MooringError as error:
            log.warning("the catalogues could not be reloaded: %r", error)
            self._context.set_ui(self._context.ui.with_error(error))
        finally:
            know(self._context, is_looking=False)

    @property
    def _opened(self) -> OpenWorkflow | None:
        return opened_on(self._context)


def _lacks_file(lacks: Lacks) -> bool:
    return any(item.kind is ValueKind.FILE for item in lacks.values)


def _is_choice(item: Field | None) -> bool:
    return item is not None and isinstance(item.kind, Choice | Upload)


def _value(item: Field, text: str) -> object:
    """Return what would be sent; a text that this form refuses may be valid on another server."""
    try:
        return item.parse(text)
    except BadInput:
        return text


# What is shown of it


def standing_of(
    state: FormState, fleet: Fleet, window: Restoring | Window | None, chosen: OpenWorkflow | None
) -> Runnability | None:
    """Return what is known of the chosen workflow on the servers that can be reached now; None if nothing is.

    Files that the form asks for are left out, since the user's file can be uploaded to any server.
    """
    found = _known_standing(state, fleet, window)
    gone = _gone(found, chosen)
    if found is None or chosen is None or not gone:
        return found
    lacks = {server_id: _without(item, gone, chosen) for server_id, item in found.lacks.items()}
    return Runnability(
        (*found.runs_on, *(server_id for server_id, item in lacks.items() if not item)),
        {server_id: item for server_id, item in lacks.items() if item},
        found.unknown,
    )


def supplied(ui: UiState, key: Key, chosen: OpenWorkflow | None) -> UiState:
    """Return the state with the chosen workflow's standing as it is once a file is uploaded for that input."""
    state = ui.of(FormState)
    found = state.known.standings.get(state.workflow_id)
    if found is None or chosen is None:
        return ui
    lacks = {server_id: _without(item, {key}, chosen) for server_id, item in found.lacks.items()}
    able = tuple(server_id for server_id, item in lacks.items() if not item)
    left = {server_id: item for server_id, item in lacks.items() if item}
    return with_standing(ui, Runnability((*found.runs_on, *able), left, found.unknown))


def gone_files(
    state: FormState, fleet: Fleet, window: Restoring | Window | None, chosen: OpenWorkflow | None
) -> dict[Key, BadInput]:
    """Return the fields whose file no server has, each with the error to show there."""
    gone = _gone(_known_standing(state, fleet, window), chosen)
    fields = chosen.form.by_key if chosen is not None else {}
    return {key: _fault(name, is_picture=is_picture(fields[key])) for key, name in gone.items()}


@lru_cache(maxsize=64)
def _fault(name: str, *, is_picture: bool) -> BadInput:
    """Return the same object for the same fault, so that unchanged slices compare equal."""
    return BadInput("picture-gone" if is_picture else "file-gone", name)


def _gone(found: Runnability | None, chosen: OpenWorkflow | None) -> dict[Key, str]:
    """Return, by field, the name of each file that all servers lack and that the user can add."""
    if found is None or chosen is None or found.runs_on or found.unknown or not found.lacks:
        return {}
    named = [
        {chosen.form.hints.shared.get(item.key, item.key): item.value for item in lacks.values if _is_gone(item)}
        for lacks in found.lacks.values()
    ]
    fields = {item.key for item in chosen.uploads}
    return {key: name for key, name in named[0].items() if key in fields and all(key in other for other in named)}


def _is_gone(item: MissingValue) -> bool:
    return item.kind is ValueKind.FILE and not item.near


def _without(lacks: Lacks, gone: Collection[Key], chosen: OpenWorkflow) -> Lacks:
    shared = chosen.form.hints.shared
    return replace(lacks, values=tuple(item for item in lacks.values if shared.get(item.key, item.key) not in gone))


def _known_standing(state: FormState, fleet: Fleet, window: Restoring | Window | None) -> Runnability | None:
    found = state.known.standings.get(state.workflow_id)
    if found is None:
        return None
    locked = window.window_locked_server if isinstance(window, Window) else None
    there = {
        item.server_id
        for item in fleet.servers
        if item.health in (Health.WELL, Health.UNKNOWN) or item.server_id == locked
    }
    return Runnability(
        tuple(item for item in found.runs_on if item in there),
        {server_id: lacks for server_id, lacks in found.lacks.items() if server_id in there},
        tuple(item for item in found.unknown if item in there),
    )


def standing_view(
    session: SessionFacts,
    state: FormState,
    chosen: OpenWorkflow | None,
    downloads: DownloadsState = NO_DOWNLOADS,
    *,
    runs_fleet: bool = False,
) -> RunnabilityView | None:
    """Return the chosen workflow's standing as a slice, with servers that lack the same as one group.

    `runs_fleet` says whether the user may have servers download models.
    """
    found = standing_of(state, session.fleet, session.window, chosen)
    if found is None or chosen is None or not (found.runs_on or found.lacks):
        return None
    locked = session.window.window_locked_server if isinstance(session.window, Window) else None
    using = {window.window_locked_server for window in session.windows}
    groups: dict[Lacks, list[ServerTag]] = {}
    fields = chosen.form.by_key
    for server_id, lacks in found.lacks.items():
        groups.setdefault(_completed(lacks, fields, chosen.published.models), []).append(
            tag_of(session.fleet, server_id)
        )
    known = {(item.node_id, item.input_name) for lacks in groups for item in lacks.values}
    missing = _MissingModels(
        fleet=session.fleet,
        sources=chosen.published.models,
        downloads=downloads.downloads,
        runs_fleet=runs_fleet,
    )
    return RunnabilityView(
        workflow_id=chosen.workflow_id,
        runs_on=tuple(tag_of(session.fleet, item) for item in found.runs_on),
        groups=tuple(RunnabilityGroup(tuple(tags), lacks, missing.on(lacks, tags)) for lacks, tags in groups.items()),
        unknown=tuple(tag_of(session.fleet, item) for item in found.unknown),
        labels=_labels(fields, known),
        unable=tag_of(session.fleet, locked) if locked is not None and locked in found.lacks else None,
        silent=tag_of(session.fleet, locked) if locked is not None and is_silent(session.fleet, locked) else None,
        held=tuple(tag_of(session.fleet, item) for item in found.runs_on if item in using),
        is_looking=state.known.is_looking,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _MissingModels:
    """The ways in which servers can get the models that they lack."""

    fleet: Fleet
    sources: tuple[ModelSource, ...]
    downloads: Mapping[DownloadKey, Download]
    runs_fleet: bool

    def on(self, lacks: Lacks, tags: Sequence[ServerTag]) -> dict[Key, MissingModel]:
        """Return each missing model once, by the first input that names it."""
        found: dict[Key, MissingModel] = {}
        named: set[tuple[str, str]] = set()
        for item in lacks.values:
            if item.kind is ValueKind.MODEL and (name := (with_slashes(item.value), item.folder)) not in named:
                named.add(name)
                found[item.key] = self._model(item, tags, f"{tags[0].server_id}-{len(found)}")
        return found

    def _model(self, item: MissingValue, tags: Sequence[ServerTag], place: str) -> MissingModel:
        name, folder = with_slashes(item.value), item.folder
        source = find_model_source(self.sources, item.value, folder) or ModelSource(name)
        known = [(tag, self.downloads.get((tag.server_id, folder, name))) for tag in tags]
        able = [tag for tag, download in known if self._can_download(tag, download)]
        fault = judge_source(source.url, self.fleet.model_hosts) if able and source.url else None
        is_renamed = bool(able and source.url) and fault is None and file_name(source.url) != name
        is_offered = bool(source.url) and fault is None and not is_renamed and is_model_folder(folder)
        busy = [tag for tag, download in known if download is not None and download.is_under_way]
        offers = [tag for tag in able if is_offered and tag not in busy]
        return MissingModel(
            place=place,
            name=name,
            folder=folder,
            url=source.url,
            size=source.size,
            offers=tuple(offers),
            by_hand=tuple(tag for tag in tags if tag not in offers and tag not in busy),
            downloads=tuple((tag, download) for tag, download in known if download is not None),
            fault=fault,
            is_renamed=is_renamed,
        )

    def _can_download(self, tag: ServerTag, download: Download | None) -> bool:
        server = self.fleet.get(tag.server_id)
        is_unable = download is not None and download.is_unable
        return self.runs_fleet and server is not None and server.can_download and not is_unable


def _completed(lacks: Lacks, fields: Mapping[Key, Field], sources: Sequence[ModelSource]) -> Lacks:
    """Return what a server lacks, with similar models in the form's spelling and folders that the workflow names."""

    def completed(item: MissingValue) -> MissingValue:
        near = fields[item.key].spelled(item.near) if item.key in fields else item.near
        source = find_model_source(sources, item.value, item.folder) if item.kind is ValueKind.MODEL else None
        return replace(item, near=near, folder=(source.folder if source is not None else "") or item.folder)

    return replace(lacks, values=tuple(map(completed, lacks.values)))


def _labels(fields: Mapping[Key, Field], known: Collection[Key]) -> tuple[tuple[Key, str], ...]:
    return tuple((key, fields[key].label) for key in sorted(known) if key in fields)


def form_blocker(chosen: OpenWorkflow, draft: Draft, wildcards: WildcardNames | None = None) -> Blocker | None:
    """Return what in the form itself prevents a run."""
    if not chosen.is_whole:
        return Blocker.OPENING
    if draft.checking:
        return Blocker.CHECKING
    for item in chosen.uploads:
        if item.key not in draft.pictures and needs_file(item, draft):
            return Blocker.NO_PICTURE if is_picture(item) else Blocker.NO_FILE
    if chosen.form.faults(draft.values) or _file_faults(chosen, draft):
        return Blocker.BAD_VALUE
    if wildcards is not None and any(
        prompt_fault(item, item.text_in(draft.values), wildcards) for item in chosen.prompts
    ):
        return Blocker.BAD_VALUE
    return None


def _file_faults(chosen: OpenWorkflow, draft: Draft) -> bool:
    """Return whether a file was refused in a field that still has none; another version may have other fields."""
    return any(key not in draft.pictures and key in chosen.form.by_key for key in draft.faults)
