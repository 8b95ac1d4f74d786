"""What stands in the forms: what the person has typed and put in, and the slices that their regions are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.errors import MooringError
from app.session import Picked
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.picker import Opening, WorkflowEntry
from app.ui.kit.state import Slice
from app.workflows.forms.fields import Field, SeedMode
from app.workflows.forms.history import History
from app.workflows.forms.presets import Preset
from app.workflows.graph import Key
from app.workflows.needs import Runnability


@dataclass(frozen=True, slots=True)
class RemoteList:
    """Choices that lie on a server, or why they are not known."""

    options: tuple[str, ...] = ()
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """As it was read last; nothing of it is the person's part of this window."""

    presets: tuple[Preset, ...] = ()  # of all workflows, in the order of their names
    recent: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # by class and input
    lists: Mapping[str, RemoteList] = field(default_factory=dict)  # by the route where they lie
    standings: Mapping[str, Runnability] = field(default_factory=dict)  # by workflow: where it can run
    is_looking: bool = False  # while the servers' catalogues are read again


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that the person has put into a field; a picture is decoded once to be sure that it is one.

    `look_url` has how it looks with its mask, if it has one; `sha256` finds its bytes in the store once they are kept.
    """

    picked: Picked
    url: str
    width: int = 0
    height: int = 0
    look_url: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What undo and redo are about."""

    values: Mapping[Key, str] = field(default_factory=dict)
    modes: Mapping[Key, SeedMode] = field(default_factory=dict)
    pictures: Mapping[Key, Picture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in one workflow's form. A seed without a mode here has the one that its workflow came with."""

    values: Mapping[Key, str] = field(default_factory=dict)
    pictures: Mapping[Key, Picture] = field(default_factory=dict)
    modes: Mapping[Key, SeedMode] = field(default_factory=dict)
    faults: Mapping[Key, MooringError] = field(default_factory=dict)
    checking: frozenset[Key] = frozenset()
    awaited: Mapping[Key, str] = field(default_factory=dict)  # files from before a reload, by name
    kept: Mapping[Key, str] = field(default_factory=dict)  # their hashes, as far as they are known
    unfolded: frozenset[str] = frozenset()  # nodes
    steps: History[Typed] = field(default=History(Typed()), compare=False)

    def with_value(self, key: Key, value: str) -> Draft:
        """The draft with one field filled in. Typing on in one field is one step to undo."""
        return self._changed(Typed({**self.values, key: value}, self.modes, self.pictures), key)

    def with_mode(self, key: Key, mode: SeedMode) -> Draft:
        """The draft with another mode for a seed."""
        return self.with_typed(self.values, {**self.modes, key: mode})

    def with_typed(self, values: Mapping[Key, str], modes: Mapping[Key, SeedMode]) -> Draft:
        """The draft with all of this at once: one step to undo."""
        return self._changed(Typed(values, modes, self.pictures))

    @property
    def history(self) -> History[Typed]:
        """The way to what stands here now; what came from elsewhere begins a new one."""
        now = Typed(self.values, self.modes, self.pictures)
        return self.steps if self.steps.present == now else History(now)

    def undo(self) -> Draft:
        """One step back, if there is one."""
        return self._at(self.history.undo())

    def redo(self) -> Draft:
        """The step that was taken back again, if there is one."""
        return self._at(self.history.redo())

    def _changed(self, typed: Typed, about: object = None) -> Draft:
        return self._at(self.history.to(typed, about))

    def _at(self, steps: History[Typed]) -> Draft:
        typed = steps.present
        moved = {key for key in {*self.pictures, *typed.pictures} if self.pictures.get(key) != typed.pictures.get(key)}
        return replace(
            self,
            values=typed.values,
            modes=typed.modes,
            pictures=typed.pictures,
            awaited={key: name for key, name in self.awaited.items() if key not in moved},
            faults={key: fault for key, fault in self.faults.items() if key not in moved},
            steps=steps,
        )

    def with_picture(self, key: Key, picture: Picture | None, *, is_found: bool = False) -> Draft:
        """Return the draft with a picture added or removed: one step to undo, unless it `is_found` after a reload.

        The field's error is cleared.
        """
        pictures = {name: item for name, item in self.pictures.items() if name != key}
        if picture is not None:
            pictures[key] = picture
        awaited = {name: item for name, item in self.awaited.items() if name != key}
        draft = replace(self, awaited=awaited).with_fault(key, None)
        if is_found:
            return replace(draft, pictures=pictures)
        return draft._changed(Typed(self.values, self.modes, pictures))

    def with_hash(self, picture: Picture, sha256: str) -> Draft:
        """Return the draft with a picture's hash set in every step that has this picture; not a step to undo itself."""

        def known(typed: Typed) -> Typed:
            items = typed.pictures.items()
            found = {key: replace(item, sha256=sha256) if item is picture else item for key, item in items}
            return replace(typed, pictures=found)

        steps = self.history
        past, undone = tuple(map(known, steps.past)), tuple(map(known, steps.undone))
        return self._at(replace(steps, present=known(steps.present), past=past, undone=undone))

    @property
    def addresses(self) -> frozenset[str]:
        """Return the addresses of all pictures in the draft, including those that an undo or redo would restore."""
        steps = self.history
        every = (
            picture for typed in (steps.present, *steps.past, *steps.undone) for picture in typed.pictures.values()
        )
        return frozenset(url for picture in every for url in (picture.url, picture.look_url) if url)

    def with_fault(self, key: Key, fault: MooringError | None) -> Draft:
        """The draft with something wrong at one field, or no longer."""
        faults = {name: item for name, item in self.faults.items() if name != key}
        if fault is not None:
            faults[key] = fault
        return replace(self, faults=faults, checking=self.checking - {key})


class Place(Enum):
    """Where an input stands, while the person arranges the form."""

    TOP = "top"
    BELOW = "below"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One field with what stands in it.

    `list_id` names the list of its choices, if that is too long for a menu; `place` is None while nobody arranges.
    `can_mask` says that there is a picture to paint a mask on; `other_name` is a picture of another field, to be used
    here too.
    """

    field: Field
    value: str = ""
    picture: Picture | None = None
    is_checking: bool = False
    mode: SeedMode = SeedMode.FIXED
    fault: MooringError | None = None
    list_id: str = ""
    place: Place | None = None
    can_mask: bool = False
    other_name: str = ""
    list_error: MooringError | None = None  # why the choices that lie on a server are not known
    recent: tuple[str, ...] = ()  # what was used here lately, but for what stands in it


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """The picker, and what stands on top of the chosen workflow's form. `is_searchable` if the form has much more.

    `more` workflows are in the library alone; `opening` says how it stands with a chosen one that is not open.
    """

    entries: tuple[WorkflowEntry, ...] = ()
    more: int = 0
    chosen: OpenWorkflow | None = None
    opening: Opening | None = None
    fields: tuple[FieldView, ...] = ()
    query: str = ""
    is_searchable: bool = False
    is_arranging: bool = False
    can_undo: bool = False
    can_redo: bool = False

    @property
    def chosen_id(self) -> str:
        """The chosen workflow, open or being opened."""
        chosen = self.chosen or self.opening
        return "" if chosen is None else chosen.workflow_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node below the form; `fields` is None while it is folded."""

    node_id: str
    title: str
    class_type: str
    is_known: bool
    count: int
    fields: tuple[FieldView, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesView:
    """The nodes below the form; `more` are left out until asked for. `is_found` while they are what a search found.

    `hidden` are the inputs out of sight, while the person arranges the form. While it `is_coming`, nothing is here yet.
    """

    nodes: tuple[NodeView, ...] = ()
    hidden: tuple[FieldView, ...] = ()
    more: int = 0
    is_found: bool = False
    is_coming: bool = False

    @property
    def fields(self) -> tuple[FieldView, ...]:
        """Every field that is drawn here."""
        return (*self.hidden, *(item for node in self.nodes for item in node.fields or ()))


@dataclass(frozen=True, slots=True)
class OptionList:
    """Choices that are too many for a menu: what is sent, and what each is called if not the same."""

    list_id: str
    options: tuple[object, ...]
    labels: tuple[str, ...] = ()


NODES_AT_FIRST = 40


@dataclass(frozen=True, slots=True)
class FormState(Slice):
    """The chosen workflow, what was typed into each workflow's form, and how the form is shown."""

    workflow_id: str = ""
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    known: Loaded = field(default_factory=Loaded)  # what was read for the form
    query: str = ""  # in the chosen workflow's form
    nodes_shown: int = NODES_AT_FIRST
    is_arranging: bool = False  # the chosen workflow's form

    @property
    def draft(self) -> Draft:
        """The draft of the chosen workflow."""
        return self.drafts.get(self.workflow_id, Draft())

    def with_draft(self, draft: Draft, workflow_id: str | None = None) -> FormState:
        """The state with one workflow's draft replaced; the chosen one's if none is named."""
        return replace(self, drafts={**self.drafts, workflow_id or self.workflow_id: draft})
