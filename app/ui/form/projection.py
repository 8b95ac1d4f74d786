"""The views of the chosen workflow's form: the inputs on top, and the nodes below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from app.core.errors import BadInput, MooringError
from app.ui.form.mask import base_of, other_picture, takes_picture
from app.ui.form.models import MarkedModel, ModelList, model_view, prompt_of
from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow
from app.ui.form.picker import PICKED_AT_FIRST, LibraryEntries, picked
from app.ui.form.seeds import seeds_of
from app.ui.form.state import (
    Draft,
    FieldView,
    FormState,
    FormView,
    InputPlace,
    LinkedView,
    Loaded,
    NodesView,
    NodeView,
    OptionList,
    RemoteList,
    TakenView,
)
from app.ui.kit.memoize import memoize_one
from app.workflows.forms.arrangement import without
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Section
from app.workflows.forms.kinds import Choice, Kind, Media, SeedMode, Text, Upload
from app.workflows.forms.presets import mode_of
from app.workflows.forms.prompts import prompt_fault
from app.workflows.forms.search import search
from app.workflows.graph import Key
from app.workflows.model_files import is_model_choice
from app.workflows.wildcards import WildcardNames

NOTHING = Loaded()
NO_MODELS = ModelList()
SHORT = 12  # choices up to which the browser's own menu is the quickest
SMALL = 20  # inputs up to which there is no search


@memoize_one
def form_view(
    stock: LibraryEntries, chosen: OpenWorkflow | None, state: FormState, found: frozenset[Key] | None
) -> FormView:
    """Return the picker and the fields on top; during a search, only the found ones."""
    entries = picked(stock.entries, state.workflow_id, state.workflow_query)
    more = len(stock.entries) - len(entries)
    picker = FormView(
        entries=entries,
        more=more,
        current=next((entry for entry in stock.entries if entry.workflow_id == state.workflow_id), None),
        pick_query=state.workflow_query,
        is_pickable=len(stock.entries) > PICKED_AT_FIRST,
        opening=stock.opening,
    )
    if chosen is None:
        return picker
    place = InputPlace.TOP if state.is_arranging else None
    shown = [item for item in chosen.arranged.first if found is None or item.key in found]
    prompt = prompt_of(chosen.arranged.first)
    views = [field_view(item, state.draft, place, state.known, prompt) for item in shown]
    if chosen.workflow_id in SHIPPED_IDS:
        views = [replace(view, has_samples=True) if is_picture(view.field) else view for view in views]
    return replace(
        picker,
        opening=None,
        chosen=chosen,
        fields=tuple(_marked(views, chosen.credit_classes)),
        query=state.query,
        found=None if found is None else len(found),
        is_arranging=state.is_arranging,
        can_undo=state.draft.history.can_undo,
        can_redo=state.draft.history.can_redo,
        is_searchable=not chosen.is_whole or len(chosen.form.by_key) > SMALL,
        linked=linked_view(chosen, state),
        taken=_taken(chosen, state),
    )


def linked_view(chosen: OpenWorkflow, state: FormState) -> LinkedView | None:
    """Return what the latest link has done to the chosen workflow's form."""
    report, fields = state.link, chosen.form.by_key
    if report is None or report.workflow_id != chosen.workflow_id:
        return None
    labels = tuple(fields[key].label for key in report.filled if key in fields)
    draft = state.draft
    is_there = any(key in draft.linked and draft.values.get(key) == draft.linked[key] for key in report.filled)
    return LinkedView(report, labels, can_undo=is_there or report.opened is not None)


def _taken(chosen: OpenWorkflow, state: FormState) -> TakenView | None:
    """Return the result whose settings are in the chosen form, until a value is changed or the note is dismissed."""
    taken, modes = state.taken, state.draft.modes
    if taken is None or taken.workflow_id != chosen.workflow_id or taken.values != state.draft.values:
        return None
    is_fixed = any(mode_of(item, modes) is SeedMode.FIXED for item, _ in seeds_of(chosen))
    return TakenView(taken.at, has_fixed_seed=is_fixed)


def _marked(views: Iterable[FieldView], credit_classes: frozenset[str]) -> Iterator[FieldView]:
    """Mark the first field of each node that costs credits."""
    marked = set[str]()
    for view in views:
        is_first = view.field.class_type in credit_classes and view.field.node_id not in marked
        marked |= {view.field.node_id} if is_first else set()
        yield replace(view, uses_credits=True) if is_first else view


@memoize_one
def nodes_view(chosen: OpenWorkflow | None, state: FormState, found: frozenset[Key] | None) -> NodesView:
    """Return all other inputs by node, folded at first; during a search, the found ones, hidden inputs included."""
    if chosen is None:
        return NodesView()
    if not chosen.is_whole:
        return NodesView(is_coming=True)
    sections = chosen.arranged.sections if found is None else tuple(_below(chosen, found))
    prompt = prompt_of(chosen.arranged.first)
    nodes = [
        _node(item, state, prompt, chosen.credit_classes, is_open=found is not None)
        for item in sections[: state.nodes_shown]
    ]
    is_all = found is None and state.is_arranging
    hidden = [field_view(item, state.draft, InputPlace.HIDDEN) for item in chosen.arranged.hidden if is_all]
    return NodesView(
        nodes=tuple(nodes), hidden=tuple(hidden), more=len(sections) - len(nodes), is_found=found is not None
    )


def found_keys(chosen: OpenWorkflow | None, state: FormState, word: Callable[[str], str]) -> frozenset[Key] | None:
    """Return the inputs that the search found; None without a search."""
    if chosen is None or not state.query.strip():
        return None
    sections = search(chosen.arranged.whole, state.query, state.draft.values, word)
    return frozenset(item.key for section in sections for item in section.fields)


def option_lists(fields: Iterable[FieldView], known: Loaded = NOTHING) -> tuple[OptionList, ...]:
    """Return the long lists of choices of these fields, each once."""
    lists: dict[str, OptionList] = {}
    for view in fields:
        match view.field.kind:
            case (Choice(remote_route=route) | Upload(remote_route=route)) as kind if route and view.list_id:
                options = _there(kind, known.lists.get(route, RemoteList()).options)
                lists.setdefault(view.list_id, OptionList(view.list_id, options))
            case Choice(options, labels) if view.list_id:
                files = known.models.lists.get(view.list_id, NO_MODELS).files
                lists.setdefault(view.list_id, OptionList(view.list_id, options, labels, files))
            case Upload(options=options) if view.list_id:
                lists.setdefault(view.list_id, OptionList(view.list_id, options))
    return tuple(lists.values())


def _there(kind: Choice | Upload, names: tuple[str, ...]) -> tuple[object, ...]:
    """Return the values for the names that a server lists; a file outside of `input` has its folder's name."""
    if isinstance(kind, Upload) and kind.folder != "input":
        return tuple(name if name.endswith("]") else f"{name} [{kind.folder}]" for name in names)
    return (*kind.options, *names)


def _below(chosen: OpenWorkflow, found: frozenset[Key]) -> Iterator[Section]:
    gone = {item.key for item in chosen.arranged.first} | (chosen.form.by_key.keys() - found)
    for section in chosen.arranged.whole:
        left = without(section, gone)
        if left.fields:
            yield left


def _node(
    section: Section, state: FormState, prompt: Field | None, credit_classes: frozenset[str], *, is_open: bool
) -> NodeView:
    is_open = is_open or section.node_id in state.draft.unfolded
    place = InputPlace.BELOW if state.is_arranging else None
    return NodeView(
        node_id=section.node_id,
        title=section.title,
        class_type=section.class_type,
        is_known=section.is_known,
        count=len(section.fields),
        fields=tuple(field_view(item, state.draft, place, state.known, prompt) for item in section.fields)
        if is_open
        else None,
        uses_credits=section.class_type in credit_classes,
    )


def field_view(
    item: Field,
    draft: Draft,
    place: InputPlace | None = None,
    known: Loaded = NOTHING,
    prompt: Field | None = None,
) -> FieldView:
    """Return one field with its value. `prompt` is the field that takes the trigger words of a model."""
    value, list_id = item.text_in(draft.values), list_id_of(item)
    is_models = is_model_choice(item.kind)
    text = prompt.text_in(draft.values) if prompt is not None and is_models else ""
    other = other_picture(item, draft) if takes_picture(item) and item.key not in draft.pictures else None
    return FieldView(
        field=item,
        value=value,
        picture=draft.pictures.get(item.key),
        is_checking=item.key in draft.checking,
        mode=mode_of(item, draft.modes),
        fault=draft.faults.get(item.key) or text_fault(item, value) or _prompt_fault(item, value, known.wildcards),
        list_id=list_id,
        place=place,
        can_mask=base_of(item, draft) is not None,
        other_name=other.picked.name if other is not None else "",
        list_error=_list_error(item.kind, known.lists),
        recent=_recent(item, value, known.recent.get((item.class_type, item.input_name), ())),
        is_models=is_models,
        is_linked=draft.linked.get(item.key) == value,
        model=model_view(known.models, list_id, value, prompt, text) if is_models else None,
    )


def marked_model(chosen: OpenWorkflow | None, state: FormState) -> MarkedModel:
    """Return what an open picker shows about the marked model."""
    known = state.known.models
    list_id, choice = known.marked
    if chosen is None or not list_id:
        return MarkedModel()
    prompt, listed = prompt_of(chosen.arranged.first), known.lists.get(list_id, NO_MODELS)
    text = prompt.text_in(state.draft.values) if prompt is not None else ""
    model = model_view(known, list_id, choice, prompt, text)
    return MarkedModel(list_id, choice, listed.words, model, listed.error or known.error)


def _recent(item: Field, value: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the recent values to offer; a short menu and a switch show all values already."""
    kind, others = item.kind, (text for text in dict.fromkeys(map(item.spelled, texts)) if text != value)
    if not kind.has_recent or (isinstance(kind, Choice) and not _is_long(kind)):
        return ()
    if isinstance(kind, Choice) and not kind.remote_route:
        return tuple(text for text in others if text in kind.options)
    return tuple(others)


def _list_error(kind: Kind, lists: Mapping[str, RemoteList]) -> MooringError | None:
    match kind:
        case Choice(remote_route=route) | Upload(remote_route=route) if route in lists:
            return lists[route].error
    return None


def list_id_of(item: Field) -> str:
    """Return the id of a list that is no menu. The fields of a class share one, unless its author named the choices."""
    if not _is_long(item.kind):
        return ""
    is_own = isinstance(item.kind, Choice) and bool(item.kind.labels)
    return "-".join(["options", *(f"{item.node_id if is_own else item.class_type} {item.input_name}".split())])


def _is_long(kind: Kind) -> bool:
    match kind:
        case Choice(options, remote_route=route):
            return len(options) > SHORT or bool(route) or is_model_choice(kind)
        case Upload(options=options, remote_route=route):
            return bool(options) or bool(route)
    return False


@lru_cache(maxsize=2048)
def text_fault(item: Field, text: str) -> BadInput | None:
    """Return what is wrong with a field's text, or None. Equal faults are the same object, so that slices are equal."""
    return item.fault(text)


def _prompt_fault(item: Field, text: str, names: WildcardNames | None) -> BadInput | None:
    return prompt_fault(item, text, names) if names is not None and isinstance(item.kind, Text) else None


def is_picture(item: Field) -> bool:
    """Return whether the field takes a picture; a mask is one too."""
    return isinstance(item.kind, Upload) and item.kind.media in (Media.PICTURE, Media.MASK)


def needs_file(item: Field, draft: Draft) -> bool:
    """Return whether an upload has neither a file nor the name of one on the server."""
    text = item.text_in(draft.values)
    is_needed = isinstance(item.kind, Upload) and not item.kind.is_optional
    return is_needed and not text and not item.is_left_out(text)
