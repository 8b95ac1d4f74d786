"""The form of any workflow: its nodes as sections, its inputs that are not linked as fields, by a server's catalogue.

form = build_form(workflow, catalogue)
form.first                                    # the keys of what matters most, in order
form.filled({("3", "steps"): "25"})           # the workflow to send; BadInput for the first text that cannot be sent

What the catalogue does not know stays in the form as `Unknown`, and in the workflow as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow
from app.workflows.catalogue import Catalogue, NodeClass
from app.workflows.catalogue_inputs import InputSpec
from app.workflows.fields import Field, Kind, Media, Seed, SeedMode, Unknown, Upload, Whole
from app.workflows.graph import Graph, GraphNode, Key, Link, live_inputs, open_graph
from app.workflows.guess import guess_first
from app.workflows.kinds import CAPTURES, default_of, kind_of, label_of

HALVES = frozenset({"width", "height"})  # short numbers that stand side by side


@dataclass(frozen=True, slots=True)
class NodeHint:
    """What the editor's own file says of a node beside its values."""

    colour: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the editor's own file says beside the graph; empty for API format.

    `values` are as the editor shows them, where what is sent is made of them. An input in `shared` has its value from
    the same place as the one that it stands for there: a form has one field for both.
    """

    nodes: Mapping[str, NodeHint] = field(default_factory=dict)
    seeds: Mapping[Key, SeedMode] = field(default_factory=dict)
    values: Mapping[Key, object] = field(default_factory=dict)
    shared: Mapping[Key, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """How the author of a published workflow shows one input; of what is empty, the catalogue decides."""

    kind: Kind | None = None
    label: str = ""
    hint: str = ""
    is_half: bool = False

    def on(self, item: Field) -> Field:
        """The field so shown. The author's kind wins, but of a file the catalogue knows more."""
        is_known_file = isinstance(item.kind, Upload) and isinstance(self.kind, Upload)
        return replace(
            item,
            kind=self.kind if self.kind is not None and not is_known_file else item.kind,
            label=self.label or item.label,
            hint=self.hint or item.hint,
            is_half=self.is_half or item.is_half,
        )


@dataclass(frozen=True, slots=True)
class Section:
    """One node with its fields. Of a class that the catalogue does not know, every field is `Unknown`."""

    node_id: str
    title: str
    class_type: str
    fields: tuple[Field, ...]
    is_known: bool = True
    colour: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """All sections in the workflow's order; `first` are the keys of what matters most."""

    workflow: ApiWorkflow
    sections: tuple[Section, ...]
    first: tuple[Key, ...]
    by_key: Mapping[Key, Field] = field(compare=False, repr=False)
    shared: Mapping[Key, Key] = field(compare=False, repr=False)  # inputs that have their value from another field
    own_faults: Mapping[Key, BadInput] = field(compare=False, repr=False)  # of the workflow's own values

    def uploads(self) -> tuple[Field, ...]:
        """The fields that take a file."""
        return tuple(item for item in self.by_key.values() if isinstance(item.kind, Upload))

    def faults(self, texts: Mapping[Key, str]) -> dict[Key, BadInput]:
        """What is wrong with what stands in the form, by key."""
        found = {key: fault for key, fault in self.own_faults.items() if key not in texts}
        for key, text in texts.items():
            item = self.by_key.get(key)
            if item is not None and (fault := item.fault(text)) is not None:
                found[key] = fault
        return found

    def values(self, texts: Mapping[Key, str]) -> dict[Key, object]:
        """What the form's texts change in the workflow; BadInput for the first value that cannot be sent.

        Texts for which there is no field are left out: a preset may know more inputs than this catalogue.
        """
        for fault in self.faults(texts).values():
            raise fault
        found = {
            key: item.parse(texts.get(key, item.text))
            for key, item in self.by_key.items()
            if (key in texts or item.is_absent) and not item.is_left_out(texts.get(key, item.text))
        }
        found |= {key: found[leader] for key, leader in self.shared.items() if leader in found}
        return {key: value for key, value in found.items() if value is not None}

    def filled(self, texts: Mapping[Key, str]) -> ApiWorkflow:
        """The workflow with the form's texts in; BadInput for the first value that cannot be sent."""
        return self.workflow.with_values(self.values(texts))


def build_form(
    workflow: ApiWorkflow,
    catalogue: Catalogue | None,
    hints: Hints | None = None,
    texts: Mapping[Key, str] | None = None,
    looks: Mapping[Key, Look] | None = None,
) -> Form:
    """The form by what a server knows; without a catalogue everything is `Unknown` but what has a look of its own.

    `texts` are what stands in the form now: choices that bring other inputs along are opened up by them.
    """
    graph = open_graph(workflow)
    builder = _Builder(catalogue, graph, hints or Hints(), texts or {}, looks or {})
    sections = tuple(builder.section(node) for node in graph.values())
    by_key = {item.key: item for section in sections for item in section.fields}
    return Form(
        workflow=workflow,
        sections=sections,
        first=guess_first(graph, by_key),
        by_key=by_key,
        shared=builder.hints.shared,
        own_faults={key: fault for key, item in by_key.items() if (fault := item.fault(item.text)) is not None},
    )


class _Builder:
    """Makes the fields of one form; what an input is called and of which kind is looked up once for each class."""

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
        self._used = {link for node in graph.values() for link in node.links.values()}
        self._kinds: dict[tuple[str, str], tuple[InputSpec, Kind, str]] = {}

    def section(self, node: GraphNode) -> Section:
        """A node's section."""
        node_class = self._catalogue.get(node.class_type) if self._catalogue is not None else None
        hint = self.hints.nodes.get(node.node_id, NodeHint())
        return Section(
            node_id=node.node_id,
            title=node.title or (node_class.display_name if node_class else node.class_type),
            class_type=node.class_type,
            fields=tuple(self._shown(item) for item in self._fields(node, node_class)),
            is_known=node_class is not None,
            colour=hint.colour,
            group=hint.group,
        )

    def _shown(self, item: Field) -> Field:
        look = self._looks.get(item.key)
        return item if look is None else look.on(item)

    def _fields(self, node: GraphNode, node_class: NodeClass | None) -> Iterator[Field]:
        known = set(node.links)
        if node_class is not None:
            for name, spec in live_inputs(node_class, self._standing(node)):
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
        return name in node.values or spec.is_widget or spec.type in CAPTURES

    def _value(self, node: GraphNode, name: str) -> object:
        return self.hints.values.get((node.node_id, name), node.values[name])

    def _standing(self, node: GraphNode) -> Mapping[str, object]:
        typed = {name: text for (node_id, name), text in self._texts.items() if node_id == node.node_id}
        return {**node.values, **typed} if typed else node.values

    def _field(self, node: GraphNode, node_class: NodeClass, name: str, spec: InputSpec) -> Field:
        kind, label = self._known(node.class_type, name, spec)
        is_absent = name not in node.values
        value = default_of(spec, kind) if is_absent else self._value(node, name)
        match kind:
            case Upload():
                kind = self._with_mask(kind, node, node_class)
            case Seed():
                kind = replace(kind, mode=self.hints.seeds.get((node.node_id, name), kind.mode))
        return Field(
            node_id=node.node_id,
            input_name=name,
            kind=kind,
            label=label,
            hint=spec.tooltip,
            value=value,
            is_absent=is_absent,
            is_optional=not spec.is_required,
            is_advanced=spec.is_advanced or spec.is_hidden,
            is_half=isinstance(kind, Whole) and spec.name in HALVES,
            class_type=node.class_type,
        )

    def _known(self, class_type: str, name: str, spec: InputSpec) -> tuple[Kind, str]:
        found = self._kinds.get((class_type, name))
        if found is None or found[0] is not spec:
            label = spec.label if spec.label != spec.name else label_of(spec.name)
            found = self._kinds[class_type, name] = spec, kind_of(spec), label
        return found[1:]

    def _with_mask(self, kind: Upload, node: GraphNode, node_class: NodeClass) -> Upload:
        masks = [slot for slot, output in enumerate(node_class.outputs) if output.type == "MASK"]
        if kind.media is not Media.PICTURE or not masks:
            return kind
        if len(masks) == len(node_class.outputs):
            return replace(kind, media=Media.MASK)
        return replace(kind, is_mask_used=any(Link(node.node_id, slot) in self._used for slot in masks))
