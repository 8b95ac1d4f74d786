"""The state of the forms: drafts with the user's values and files, and the views of their regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.errors import MooringError
from app.session import ModelFile, Picked
from app.ui.form.models import KnownModels, ModelView
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.picker import Opening, WorkflowEntry
from app.ui.kit.state import Slice
from app.workflows.forms.fields import Field
from app.workflows.forms.history import History
from app.workflows.forms.kinds import SeedMode
from app.workflows.forms.presets import Preset
from app.workflows.graph import Key
from app.workflows.links import RefusedValue
from app.workflows.needs import Runnability
from app.workflows.wildcards import WildcardNames


@dataclass(frozen=True, slots=True)
class RemoteList:
    """A list of choices on a server, or why it is not known."""

    options: tuple[str, ...] = ()
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read for the form; none of it is the user's input."""

    presets: tuple[Preset, ...] = ()  # of all workflows, in the order of their names
    recent: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # by class and input
    lists: Mapping[str, RemoteList] = field(default_factory=dict)  # by route
    standings: Mapping[str, Runnability] = field(default_factory=dict)  # by workflow: where it can run
    models: KnownModels = field(default_factory=KnownModels)
    wildcards: WildcardNames | None = None  # None until they have been read
    is_looking: bool = False  # while the servers' catalogues are refreshed


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that the user put into a field; a picture was decoded once, to be sure that it is one.

    `look_url` shows it with its mask, if it has one; `sha256` is known once its bytes are in the store.
    """

    picked: Picked
    url: str
    width: int = 0
    height: int = 0
    look_url: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What undo and redo restore."""

    values: Mapping[Key, str] = field(default_factory=dict)
    modes: Mapping[Key, SeedMode] = field(default_factory=dict)
    pictures: Mapping[Key, Picture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """The values in one workflow's form. A seed without a mode here has its workflow's."""

    values: Mapping[Key, str] = field(default_factory=dict)
    pictures: Mapping[Key, Picture] = field(default_factory=dict)
    modes: Mapping[Key, SeedMode] = field(default_factory=dict)
    faults: Mapping[Key, MooringError] = field(default_factory=dict)
    checking: frozenset[Key] = frozenset()
    awaited: Mapping[Key, str] = field(default_factory=dict)  # names of files from before a reload
    kept: Mapping[Key, str] = field(default_factory=dict)  # their hashes, as far as known
    unfolded: frozenset[str] = frozenset()  # nodes
    linked: Mapping[Key, str] = field(default_factory=dict)  # texts that a link has put in
    steps: History[Typed] = field(default=History(Typed()), compare=False)

    def with_value(self, key: Key, value: str) -> Draft:
        """Return the draft with a field's value. Typing in one field is one step to undo."""
        return self._changed(Typed({**self.values, key: value}, self.modes, self.pictures), key)

    def with_mode(self, key: Key, mode: SeedMode) -> Draft:
        """Return the draft with another mode for a seed."""
        return self.with_typed(self.values, {**self.modes, key: mode})

    def with_all(self, typed: Typed) -> Draft:
        """Return the draft with these values, modes and pictures, as one step to undo."""
        return self._changed(typed)

    def with_typed(self, values: Mapping[Key, str], modes: Mapping[Key, SeedMode]) -> Draft:
        """Return the draft with all of these values and modes, as one step to undo."""
        return self._changed(Typed(values, modes, self.pictures))

    @property
    def history(self) -> History[Typed]:
        """The steps that lead to the present values; values that no step has set begin a new history."""
        now = Typed(self.values, self.modes, self.pictures)
        return self.steps if self.steps.present == now else History(now)

    def undo(self) -> Draft:
        """Return the draft before the last step, if there was one."""
        return self._at(self.history.undo())

    def redo(self) -> Draft:
        """Return the draft with the last undone step, if there is one."""
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
        """Return the draft with a field's error set or cleared."""
        faults = {name: item for name, item in self.faults.items() if name != key}
        if fault is not None:
            faults[key] = fault
        return replace(self, faults=faults, checking=self.checking - {key})


class InputPlace(Enum):
    """The place of an input, while the user arranges the form."""

    TOP = "top"
    BELOW = "below"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One field with its value.

    `list_id` names the list of its choices, if that is too long for a menu; `place` is set while the user arranges the
    form. `can_mask`: there is a picture to paint a mask on; `other_name` is a picture of another field to use here too.
    """

    field: Field
    value: str = ""
    picture: Picture | None = None
    is_checking: bool = False
    mode: SeedMode = SeedMode.FIXED
    fault: MooringError | None = None
    list_id: str = ""
    place: InputPlace | None = None
    can_mask: bool = False
    other_name: str = ""
    list_error: MooringError | None = None  # why the server's choices are not known
    recent: tuple[str, ...] = ()  # values of earlier runs, without the present one
    is_models: bool = False  # its choices are model files
    model: ModelView | None = None  # the chosen one, once its metadata was read
    has_samples: bool = False  # photos for a first try are offered
    uses_credits: bool = False  # it is the first one on top of a node that costs credits
    is_linked: bool = False  # its value comes from a link


@dataclass(frozen=True, slots=True)
class OpenedByLink:
    """What was before a link opened its workflow: the chosen one, its form's draft, and its content in the library.

    `content` is empty if the workflow is new there.
    """

    workflow_id: str
    typed: Typed
    content: str = ""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What a link has changed in a workflow's form, and what it could not change. `before` is what was there."""

    workflow_id: str
    before: Mapping[Key, str] = field(default_factory=dict)
    filled: tuple[Key, ...] = ()
    refused: tuple[RefusedValue, ...] = ()
    is_waiting: bool = False  # for a server's catalogue
    opened: OpenedByLink | None = None  # the link has the whole workflow


@dataclass(frozen=True, slots=True)
class TakenSettings:
    """The result whose settings were put into a workflow's form last, and when it was made."""

    workflow_id: str
    at: float
    values: Mapping[Key, str] = field(default_factory=dict)  # the form's, before anything in it is changed


@dataclass(frozen=True, slots=True)
class TakenView:
    """The same, and whether a seed is fixed now, so that a run makes the result once more."""

    at: float
    has_fixed_seed: bool = False


@dataclass(frozen=True, slots=True)
class LinkedView:
    """A link's report, with the labels of the fields that it has filled in."""

    report: LinkReport
    labels: tuple[str, ...] = ()
    can_undo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """The picker, and the inputs on top of the chosen workflow's form. `is_searchable` if the form has many more.

    `entries` are listed in the picker, `more` workflows are found by a search or in the library; `is_pickable` if there
    are enough to search. `current` is the chosen workflow, `opening` the same while it is not open.
    """

    entries: tuple[WorkflowEntry, ...] = ()
    more: int = 0
    current: WorkflowEntry | None = None
    pick_query: str = ""
    is_pickable: bool = False
    chosen: OpenWorkflow | None = None
    opening: Opening | None = None
    fields: tuple[FieldView, ...] = ()
    query: str = ""
    found: int | None = None  # inputs that the search found
    is_searchable: bool = False
    is_arranging: bool = False
    can_undo: bool = False
    can_redo: bool = False
    linked: LinkedView | None = None
    taken: TakenView | None = None

    @property
    def uses_credits(self) -> bool:
        """Whether a node of the chosen workflow costs credits."""
        return self.chosen is not None and bool(self.chosen.credit_classes)

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
    uses_credits: bool = False
    fields: tuple[FieldView, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesView:
    """The nodes below the form, without `more` that the user can ask for. `is_found`: they are the results of a search.

    `hidden` are the hidden inputs, while the user arranges the form. While `is_coming`, the form is still being built.
    """

    nodes: tuple[NodeView, ...] = ()
    hidden: tuple[FieldView, ...] = ()
    more: int = 0
    is_found: bool = False
    is_coming: bool = False

    @property
    def fields(self) -> tuple[FieldView, ...]:
        """All fields in the view."""
        return (*self.hidden, *(item for node in self.nodes for item in node.fields or ()))


@dataclass(frozen=True, slots=True)
class GoneFiles:
    """The inputs whose file no server has, each with the error to show there."""

    faults: Mapping[Key, MooringError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptionList:
    """A list of choices for a combo box, with labels if they differ from what is sent. `models` are files by choice."""

    list_id: str
    options: tuple[object, ...]
    labels: tuple[str, ...] = ()
    models: Mapping[str, ModelFile] = field(default_factory=dict)


NODES_AT_FIRST = 40


@dataclass(frozen=True, slots=True)
class OptionLists:
    """The long lists of choices that the page needs."""

    lists: tuple[OptionList, ...]


@dataclass(frozen=True, slots=True)
class FormState(Slice):
    """The chosen workflow, the drafts of all workflows, and how the form is shown."""

    workflow_id: str = ""
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    known: Loaded = field(default_factory=Loaded)  # data that was read for the form
    query: str = ""  # in the chosen workflow's form
    workflow_query: str = ""  # in the picker
    nodes_shown: int = NODES_AT_FIRST
    is_arranging: bool = False  # the chosen workflow's form
    link: LinkReport | None = None  # the latest, until it is dismissed
    taken: TakenSettings | None = None  # likewise

    @property
    def draft(self) -> Draft:
        """The draft of the chosen workflow."""
        return self.drafts.get(self.workflow_id, Draft())

    def with_draft(self, draft: Draft, workflow_id: str | None = None) -> FormState:
        """Return the state with another draft for a workflow, by default the chosen one."""
        return replace(self, drafts={**self.drafts, workflow_id or self.workflow_id: draft})
