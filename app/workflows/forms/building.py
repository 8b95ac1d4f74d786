"""Builds the form of a workflow from a server's catalogue; inputs that it does not know become `Unknown`.

form = build_form(workflow, catalogue)

A large form is built in two steps, so that the user can type immediately:

form = first_form(workflow, catalogue, hints)          # only the nodes of the top, with the same `first`
for _ in (steps := form_steps(workflow, …)): …         # the whole, a few nodes at a time; returns the form
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from app.core.errors import BadInput
from app.core.workflow import SCENE_PICTURE, ApiWorkflow
from app.workflows.catalogue import Catalogue, NodeClass
from app.workflows.catalogue_inputs import InputSpec
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form, Hints, Look, NodeHint, Section
from app.workflows.forms.guess import FIRST, TEXTS, GuessedRole, Roles, rank, role_of
from app.workflows.forms.kinds import Choice, Kind, Media, Seed, Text, Unknown, Upload, Whole, default_of, kind_of
from app.workflows.forms.labels import label_by_author, label_of
from app.workflows.graph import (
    NUMBER_INPUT,
    Graph,
    GraphNode,
    Key,
    Link,
    live_inputs,
    open_graph,
    own_choices,
    validated,
)

HALVES = frozenset({"width", "height"})  # short numbers that are shown side by side
MOST_PROMOTED = 24  # inputs of subgraphs on top
VALUE_INPUTS = 2  # of a primitive node, at most: its value, and what changes it
STEP = 25  # nodes built in one step: in a browser some 4 ms


def build_form(
    workflow: ApiWorkflow,
    catalogue: Catalogue | None,
    hints: Hints | None = None,
    texts: Mapping[Key, str] | None = None,
    looks: Mapping[Key, Look] | None = None,
) -> Form:
    """Build the form from a catalogue; without one, everything is `Unknown` except inputs with a `Look`.

    `texts` are the present texts of the form: choices that bring other inputs are expanded by them.
    """
    steps = form_steps(workflow, catalogue, hints, texts, looks)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            form: Form = ended.value
            return form


def form_steps(
    workflow: ApiWorkflow,
    catalogue: Catalogue | None,
    hints: Hints | None = None,
    texts: Mapping[Key, str] | None = None,
    looks: Mapping[Key, Look] | None = None,
) -> Generator[None, None, Form]:
    """Build it in steps of a few nodes, so that the caller can do other things in between."""
    graph = open_graph(workflow)
    builder = _Builder(catalogue, graph, hints or Hints(), texts or {}, looks or {})
    sections: list[Section] = []
    for number, node in enumerate(graph.values(), 1):
        sections.append(builder.section(node))
        if number % STEP == 0:
            yield
    by_key = {item.key: item for section in sections for item in section.fields}
    yield
    roles = {key: builder.role(item.kind, key) for key, item in by_key.items() if _is_usable(item)}
    first = _first(roles, builder.hints)
    yield
    return builder.form(workflow, sections, by_key, first)


def first_form(workflow: ApiWorkflow, catalogue: Catalogue, hints: Hints, first: Sequence[Key] | None = None) -> Form:
    """The form with only the nodes of its top: of `first`, else of what matters most."""
    graph = open_graph(workflow)
    builder = _Builder(catalogue, graph, hints, {}, {})
    keys = _first(builder.roles(), hints) if first is None else first
    nodes = dict.fromkeys(node_id for node_id, _name in keys if node_id in graph)
    sections = [builder.section(graph[node_id]) for node_id in nodes]
    by_key = {item.key: item for section in sections for item in section.fields}
    return builder.form(workflow, sections, by_key, tuple(key for key in keys if key in by_key))


def _first(roles: Mapping[Key, GuessedRole], hints: Hints) -> tuple[Key, ...]:
    """The keys of the top, in order: as the author has chosen them, else by what subgraphs show, else by our guess.

    An author's subgraphs are complete in themselves: of what is inside, only what they show is on top. The files and
    texts beside them come first. `roles` are those of all usable inputs.
    """
    if hints.chosen:
        return hints.chosen
    promoted = hints.promoted[:MOST_PROMOTED]
    if not promoted:
        return rank(roles)
    beside = {key: role for key, role in roles.items() if ":" not in key[0] and key not in promoted}
    ranked = rank(beside)
    before = tuple(key for key in ranked if beside[key] <= GuessedRole.NEGATIVE)
    room = max(0, FIRST - len(before) - len(promoted))
    return (*before, *promoted, *ranked[len(before) :][:room])


def _is_usable(item: Field) -> bool:
    return not (isinstance(item.kind, Unknown) or item.is_advanced or (item.is_absent and item.is_optional))


@dataclass(frozen=True)
class _Known:
    """Facts about one input that all nodes of a class share."""

    spec: InputSpec
    kind: Kind
    is_optional: bool
    is_advanced: bool
    is_usable: bool  # may be on top
    is_needed: bool  # is in the form, and may be on top, where the workflow does not have it
    role: GuessedRole | None

    @classmethod
    def of(cls, spec: InputSpec, name: str) -> _Known:
        """The facts from the description of a class."""
        kind = kind_of(spec)
        is_advanced = spec.is_advanced or spec.is_hidden
        return cls(
            spec=spec,
            kind=kind,
            is_optional=not spec.is_required,
            is_advanced=is_advanced,
            is_usable=not (is_advanced or isinstance(kind, Unknown)),
            is_needed=spec.is_required and spec.has_field,
            role=role_of(kind, name),
        )

    @cached_property
    def label(self) -> str:
        """Its label."""
        return self.spec.label if self.spec.label != self.spec.name else label_of(self.spec.name)


def _known_inputs(_catalogue: Catalogue) -> dict[Key, _Known]:
    """By class and input; filled on demand."""
    return {}


def _known_rows(_catalogue: Catalogue) -> dict[str, Sequence[tuple[str, _Known]]]:
    """By class, of those whose nodes all have the same inputs; filled on demand."""
    return {}


class _Builder:
    """Builds the fields of one form; label and kind of an input are computed once for each class."""

    def __init__(
        self,
        catalogue: Catalogue | None,
        graph: Graph,
        hints: Hints,
        texts: Mapping[Key, str],
        looks: Mapping[Key, Look],
    ) -> None:
        self._catalogue = catalogue
        self.hints = hints
        self._texts = texts
        self._looks = looks
        self._graph = graph
        self._roles = Roles(graph)
        self._used = {link for node in graph.values() for link in node.links.values()}
        self._known = catalogue.derived(_known_inputs) if catalogue is not None else {}
        self._plain = catalogue.derived(_known_rows) if catalogue is not None else {}

    def form(
        self, workflow: ApiWorkflow, sections: Sequence[Section], by_key: Mapping[Key, Field], first: tuple[Key, ...]
    ) -> Form:
        """The form of these sections."""
        return Form(
            workflow=workflow,
            sections=tuple(sections),
            first=first,
            by_key=by_key,
            hints=self.hints,
            own_faults=dict(self._own_faults(by_key)),
        )

    def _own_faults(self, by_key: Mapping[Key, Field]) -> Iterator[tuple[Key, BadInput]]:
        """The errors of the workflow's own values, in nodes whose values a server checks."""
        faults = [(key, fault) for key, item in by_key.items() if (fault := item.own_fault()) is not None]
        if not faults or self._catalogue is None:
            return iter(faults)
        classes = {node_id: self._catalogue.get(node.class_type) for node_id, node in self._graph.items()}
        checked = validated(self._graph, classes)
        return ((key, fault) for key, fault in faults if key[0] in checked)

    def roles(self) -> dict[Key, GuessedRole]:
        """The role of each usable input, without building its field: most of a large form is not shown for a while."""
        found, shared = dict[Key, GuessedRole](), self.hints.shared
        for node in self._graph.values():
            values, links, node_id = node.values, node.links, node.node_id
            for name, known in self._rows(node):
                if name in links or not (name in values or known.is_needed):
                    continue
                key, role = (node_id, name), known.role
                if key in shared:
                    continue
                if role is None or role is GuessedRole.TEXT:
                    role = self._roles.at(node, known.kind, role)
                found[key] = role
        return found

    def role(self, kind: Kind, key: Key) -> GuessedRole:
        """The role of one input."""
        return self._roles.of(kind, key, self._graph[key[0]])

    def _rows(self, node: GraphNode) -> Sequence[tuple[str, _Known]]:
        """A node's inputs that may be on top, by their names; for most classes they are the same for each node."""
        rows = self._plain.get(node.class_type)
        if rows is None:
            node_class = self._catalogue.get(node.class_type) if self._catalogue is not None else None
            inputs = () if node_class is None else tuple(self._inputs(node, node_class))
            known = ((name, self._known_of(node, name, spec)) for name, spec in inputs)
            rows = tuple((name, item) for name, item in known if item.is_usable)
            if node_class is not None and not any(spec.is_dynamic for spec in node_class.inputs):
                self._plain[node.class_type] = rows
        return rows

    def _inputs(self, node: GraphNode, node_class: NodeClass) -> Iterator[tuple[str, InputSpec]]:
        return live_inputs(node_class, self._standing(node))

    def section(self, node: GraphNode) -> Section:
        """A node's section."""
        node_class = self._catalogue.get(node.class_type) if self._catalogue is not None else None
        hint = self.hints.nodes.get(node.node_id, NodeHint())
        return Section(
            node_id=node.node_id,
            title=node.title or (node_class.display_name if node_class else node.class_type),
            class_type=node.class_type,
            fields=self._shown(self._fields(node, node_class)),
            is_known=node_class is not None,
            colour=hint.colour,
            group=hint.group,
        )

    def _shown(self, items: Iterator[Field]) -> tuple[Field, ...]:
        looks = self._looks
        if not looks:
            return tuple(items)
        return tuple(looks[item.key].on(item) if item.key in looks else item for item in items)

    def _fields(self, node: GraphNode, node_class: NodeClass | None) -> Iterator[Field]:
        known = set(node.links)
        if node_class is not None:
            for name, spec in self._inputs(node, node_class):
                known.add(name)
                if self._is_shown(node, name, spec):
                    yield self._field(node, node_class, name, spec)
        for name in node.values:
            if name not in known and (node.node_id, name) not in self.hints.shared:
                yield Field(
                    node_id=node.node_id,
                    input_name=name,
                    kind=Unknown(),
                    label=label_of(name),
                    value=self._value(node, name),
                    class_type=node.class_type,
                )

    def _is_shown(self, node: GraphNode, name: str, spec: InputSpec) -> bool:
        if name in node.links or (node.node_id, name) in self.hints.shared:
            return False
        return name in node.values or spec.has_field

    def _value(self, node: GraphNode, name: str) -> object:
        return self.hints.values.get((node.node_id, name), node.values[name])

    def _standing(self, node: GraphNode) -> Mapping[str, object]:
        typed = {name: text for (node_id, name), text in self._texts.items() if node_id == node.node_id}
        return {**node.values, **typed} if typed else node.values

    def _field(self, node: GraphNode, node_class: NodeClass, name: str, spec: InputSpec) -> Field:
        known = self._known_of(node, name, spec)
        kind, is_absent = known.kind, name not in node.values
        match kind:
            case Upload() if isinstance(node.values.get(name), dict):
                kind = Unknown()  # pictures of a scene that the editor has taken
            case Upload():
                kind = self._with_mask(kind, node, node_class)
            case Choice() if choices := own_choices(node, name, spec):
                number = NUMBER_INPUT if NUMBER_INPUT in node.values else ""
                kind = replace(kind, options=choices, number_input=number)
            case Seed():
                mode = self.hints.seeds.get((node.node_id, name), kind.mode)
                kind = kind if mode is kind.mode else replace(kind, mode=mode)
        return Field(
            node_id=node.node_id,
            input_name=name,
            kind=kind,
            label=self._label(known, node, node_class, name),
            hint=spec.tooltip,
            value=default_of(spec, known.kind) if is_absent else self._value(node, name),
            is_absent=is_absent,
            is_optional=known.is_optional,
            is_advanced=known.is_advanced,
            is_half=spec.name in HALVES and isinstance(known.kind, Whole),
            class_type=node.class_type,
        )

    def _label(self, known: _Known, node: GraphNode, node_class: NodeClass, name: str) -> str:
        """The author's label, else what a prompt or the value of a primitive node is for, else the server's label."""
        key, hints = (node.node_id, name), self.hints
        if label := hints.labels.get(key, ""):
            return label
        if (node.class_type, name) == SCENE_PICTURE:
            return "Picture of the scene"
        match known.kind:
            case Upload() if label := hints.leads.get(node.node_id, ""):
                return label
            case Text() if name in TEXTS and any(output.type == "CONDITIONING" for output in node_class.outputs):
                is_negative = self._roles.of(known.kind, key, node) is GuessedRole.NEGATIVE
                return "Negative prompt" if is_negative else "Prompt"
        if name == "value" and len(node_class.inputs) <= VALUE_INPUTS:
            own = "" if node.title == node_class.display_name else label_by_author(node.title)
            return own or hints.leads.get(node.node_id) or known.label
        return known.label

    def _known_of(self, node: GraphNode, name: str, spec: InputSpec) -> _Known:
        known = self._known.get((node.class_type, name))
        if known is None or known.spec is not spec:
            known = self._known[node.class_type, name] = _Known.of(spec, name)
        return known

    def _with_mask(self, kind: Upload, node: GraphNode, node_class: NodeClass) -> Upload:
        masks = [slot for slot, output in enumerate(node_class.outputs) if output.type == "MASK"]
        if kind.media is not Media.PICTURE or not masks:
            return kind
        if len(masks) == len(node_class.outputs):
            return replace(kind, media=Media.MASK)
        return replace(kind, is_mask_used=any(Link(node.node_id, slot) in self._used for slot in masks))
