"""What the person does with the form: choosing, typing, searching, and files put in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.core.errors import BadInput, MooringError
from app.core.ports import Blob
from app.core.window import Restoring, Window
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui import drafts
from app.ui.form_state import Draft, Picture
from app.ui.screen import Facts, Screen
from app.ui.state import NODES_AT_FIRST, UiState
from app.ui.workflows import OpenWorkflow, shaped
from app.workflows.fields import FALSE, TRUE, Field, Media, Seed, SeedMode, Upload
from app.workflows.graph import Key
from app.workflows.presets import mode_of
from app.workflows.runs import PlannedRun
from app.workflows.targets import Target

log = logging.getLogger("mooring.ui")

# What a browser calls a file of each medium, and what to tell of another one.
MEDIA_TYPES = {Media.PICTURE: "image/", Media.MASK: "image/", Media.VIDEO: "video/", Media.AUDIO: "audio/"}
MEDIA_FAULTS = {Media.VIDEO: "not-a-film", Media.AUDIO: "not-a-sound"}


class Desk(Protocol):
    """Where the person's own part lies, and what there is to choose."""

    @property
    def ui(self) -> UiState: ...
    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]: ...
    def set_ui(self, ui: UiState) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...


class FormActions:
    """The person's hands on the form. `random_seed(limit)` draws a whole number from 0 up to and including `limit`."""

    def __init__(self, desk: Desk, screen: Screen, random_seed: Callable[[int], int]) -> None:
        self._desk = desk
        self._screen = screen
        self._random_seed = random_seed

    @property
    def chosen(self) -> OpenWorkflow | None:
        """The chosen workflow, with what the choices made in its form bring along."""
        ui = self._desk.ui
        found = next((item for item in self._desk.workflows if item.workflow_id == ui.workflow_id), None)
        return shaped(found, ui.draft.values) if found else None

    def act(self, name: str, facts: Facts) -> bool:
        """A click on `data-action`; False if it is not about the form."""
        ui = self._desk.ui
        match name:
            case "clear-picture":
                self._put(ui.workflow_id, _key(facts), None)
            case "fold-node":
                node = str(facts["node"])
                self._desk.set_ui(ui.with_draft(replace(ui.draft, unfolded=ui.draft.unfolded ^ {node})))
            case "more-nodes":
                self._desk.set_ui(replace(ui, nodes_shown=ui.nodes_shown + NODES_AT_FIRST))
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice in `data-change`; False if it is not about the form."""
        ui, value = self._desk.ui, str(facts.get("value", ""))
        match name:
            case "workflow":
                self._desk.set_ui(replace(ui, workflow_id=value, query="", nodes_shown=NODES_AT_FIRST))
            case "field":
                self._type(_key(facts), value)
            case "switch":
                self._type(_key(facts), TRUE if facts.get("checked") else FALSE)
            case "seed-mode":
                self._desk.set_ui(ui.with_draft(ui.draft.with_mode(_key(facts), SeedMode(value))))
            case _:
                return False
        return True

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""
        value = str(facts.get("value", ""))
        match name:
            case "field":
                self._type(_key(facts), value)
            case "search":
                self._desk.set_ui(replace(self._desk.ui, query=value, nodes_shown=NODES_AT_FIRST))

    def _type(self, key: Key, text: str) -> None:
        ui, chosen = self._desk.ui, self.chosen
        draft = ui.draft.with_value(key, text)
        field = chosen.form.by_key.get(key) if chosen else None
        if field is not None and isinstance(field.kind, Seed):  # who types a seed wants that one
            draft = draft.with_mode(key, SeedMode.FIXED)
        self._desk.set_ui(ui.with_draft(draft))

    # Seeds

    def draw_seeds(self, chosen: OpenWorkflow, draft: Draft) -> Draft:
        """The draft to be sent now: with another seed wherever one is drawn for each run."""
        for item, seed in _seeds(chosen):
            if mode_of(item, draft.modes) is SeedMode.RANDOM:
                low = max(0, seed.minimum)
                draft = draft.with_value(item.key, str(low + self._random_seed(seed.highest_drawn - low)))
        return draft

    def count_seeds(self, chosen: OpenWorkflow, draft: Draft) -> Draft:
        """The draft after it was sent: with the next seed wherever they are counted."""
        for item, seed in _seeds(chosen):
            mode = mode_of(item, draft.modes)
            if mode in (SeedMode.UP, SeedMode.DOWN):
                number = item.parse(draft.values.get(item.key, item.text))
                draft = draft.with_value(item.key, str(seed.following(int(str(number)), mode)))
        return draft

    def draw_many(self, chosen: OpenWorkflow, draft: Draft, count: int) -> tuple[ApiWorkflow, list[PlannedRun], Draft]:
        """What so many clicks would send: the workflow, what each run changes in it, and the draft after them all."""
        targets = [Target(*item.key, item.label) for item, _ in _seeds(chosen)]
        first, runs = chosen.form.filled(draft.values), list[PlannedRun]()
        for index in range(count):
            drawn = self.draw_seeds(chosen, draft)
            values = {item.key: item.parse(drawn.values.get(item.key, item.text)) for item, _ in _seeds(chosen)}
            told = " · ".join(f"{target.label} {values[target.where]}" for target in targets)
            runs.append(PlannedRun(index, values, told or f"#{index + 1}"))
            draft = self.count_seeds(chosen, drawn)
        return first, runs, draft

    # Files

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen: into the field aimed at, then into the empty ones, then into the first."""
        ui, chosen = self._desk.ui, self.chosen
        uploads = chosen.uploads if chosen else ()
        aimed = next((item for item in uploads if item.key == key), None)
        taken: set[Key] = set()
        for blob, name in files:
            place = aimed or _place(uploads, blob, ui.draft, taken)
            aimed = None
            if place is None:
                if not taken:
                    cause = "no-picture-field" if blob.media_type.startswith("image/") else "no-file-field"
                    self._desk.set_ui(ui.with_error(BadInput(cause, name)))
                return
            taken.add(place.key)
            draft = self._desk.ui.draft
            self._desk.set_ui(self._desk.ui.with_draft(replace(draft, checking=draft.checking | {place.key})))
            self._desk.spawn(self._check(ui.workflow_id, place, blob, name))

    async def recover(
        self, window: Restoring | Window | None, read_input: Callable[[str], Awaitable[Blob | None]]
    ) -> None:
        """Put the files back that stood in the form before a reload, as far as the store has kept them."""
        for workflow_id, key, item in tuple(drafts.find_again(self._desk.ui, window)):
            opened = next((found for found in self._desk.workflows if found.workflow_id == workflow_id), None)
            field = opened.form.by_key.get(key) if opened else None
            if field is None:
                continue
            try:
                blob = await read_input(item.sha256)
            except MooringError as error:
                log.info("a picture is not found again: %r", error)
                continue
            if blob is not None and key in self._desk.ui.drafts[workflow_id].awaited:
                await self._check(workflow_id, field, blob, item.original_name)

    async def _check(self, workflow_id: str, field: Field, blob: Blob, name: str) -> None:
        """Look at the file before anything is sent: a right one goes into its field, anything else is told there."""
        key, media = field.key, field.kind.media if isinstance(field.kind, Upload) else Media.FILE
        size, cause = (0, 0), "" if blob.size else "empty"
        if not cause and media in (Media.PICTURE, Media.MASK):
            size = await self._screen.measure(blob)
            cause = "" if all(size) else "not-a-picture"
        elif not cause and not blob.media_type.startswith(MEDIA_TYPES.get(media, "")):
            cause = MEDIA_FAULTS[media]
        if cause:
            self._put(workflow_id, key, None)
            draft = self._desk.ui.drafts[workflow_id].with_fault(key, BadInput(cause, name))
            self._desk.set_ui(self._desk.ui.with_draft(draft, workflow_id))
            return
        self._put(workflow_id, key, Picture(Picked(blob, name), self._screen.object_url(blob), *size))

    def _put(self, workflow_id: str, key: Key, picture: Picture | None) -> None:
        ui = self._desk.ui
        draft = ui.drafts.get(workflow_id) or Draft()
        before = draft.pictures.get(key)
        if before is not None:
            self._screen.revoke_url(before.url)
        self._desk.set_ui(ui.with_draft(draft.with_picture(key, picture), workflow_id))


def _seeds(chosen: OpenWorkflow) -> list[tuple[Field, Seed]]:
    return [(item, item.kind) for item in chosen.form.by_key.values() if isinstance(item.kind, Seed)]


def _place(uploads: tuple[Field, ...], blob: Blob, draft: Draft, taken: set[Key]) -> Field | None:
    """Where a file goes that was aimed at nothing: to a field of its medium, or to any if nothing is known of it."""
    fitting = [item for item in uploads if _fits(item, blob)] or list(uploads if not _is_known(blob) else ())
    left = [item for item in fitting if item.key not in taken]
    empty = [item for item in left if item.key not in draft.pictures]
    return next(iter(empty or (() if taken else left)), None)


def _fits(item: Field, blob: Blob) -> bool:
    media = item.kind.media if isinstance(item.kind, Upload) else Media.FILE
    return media is Media.FILE or blob.media_type.startswith(MEDIA_TYPES[media])


def _is_known(blob: Blob) -> bool:
    return blob.media_type.startswith(("image/", "video/", "audio/"))


def _key(facts: Facts) -> Key:
    return str(facts["node"]), str(facts["name"])
