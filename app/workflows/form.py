"""The form of any workflow: its nodes as sections, its inputs that are not linked as fields, by a server's catalogue.

form = build_form(workflow, catalogue)
form.first                                    # the keys of what matters most, in order
form.filled({("3", "steps"): "25"})           # the workflow to send; BadInput for the first text that cannot be sent

What the catalogue does not know stays in the form as `Unknown`, and in the workflow as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow
from app.workflows.catalogue import Catalogue, NodeClass
from app.workflows.catalogue_inputs import COMBO, DYNAMIC_COMBO, DynamicCombo, InputSpec
from app.workflows.fields import (
    MAX_SEED,
    Choice,
    Decimal,
    Field,
    Kind,
    Media,
    Seed,
    SeedMode,
    Switch,
    Text,
    Unknown,
    Upload,
    Whole,
)
from app.workflows.graph import Graph, GraphNode, Key, Link, live_inputs, open_graph
from app.workflows.guess import guess_first

MEDIA = {"image": Media.PICTURE, "video": Media.VIDEO, "audio": Media.AUDIO}  # by InputSpec.upload; else FILE
CAPTURES = {"WEBCAM": Media.PICTURE, "AUDIO_RECORD": Media.AUDIO}  # widgets whose value is a file uploaded by the page
MODES = {"fixed": SeedMode.FIXED, "randomize": SeedMode.RANDOM, "increment": SeedMode.UP, "decrement": SeedMode.DOWN}
WORDS = {"cfg": "CFG", "clip": "CLIP", "fps": "FPS", "lora": "LoRA", "unet": "UNet", "vae": "VAE", "ckpt": "checkpoint"}
HALVES = frozenset({"width", "height"})  # short numbers that stand side by side


@dataclass(frozen=True, slots=True)
class NodeHint:
    """What the editor's own file says of a node beside its values."""

    colour: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the editor's own file says beside the graph; empty for API format."""

    nodes: Mapping[str, NodeHint] = field(default_factory=dict)
    seeds: Mapping[Key, SeedMode] = field(default_factory=dict)


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

    def filled(self, texts: Mapping[Key, str]) -> ApiWorkflow:
        """The workflow with the form's texts in; BadInput for the first value that cannot be sent.

        Texts for which there is no field are left out: a preset may know more inputs than this catalogue.
        """
        for fault in self.faults(texts).values():
            raise fault
        values = {
            key: item.parse(texts.get(key, item.text))
            for key, item in self.by_key.items()
            if (key in texts or item.is_absent) and not item.is_left_out(texts.get(key, item.text))
        }
        return self.workflow.with_values({key: value for key, value in values.items() if value is not None})


def build_form(
    workflow: ApiWorkflow,
    catalogue: Catalogue | None,
    hints: Hints | None = None,
    texts: Mapping[Key, str] | None = None,
) -> Form:
    """The form by what a server knows; without a catalogue everything is `Unknown`.

    `texts` are what stands in the form now: choices that bring other inputs along are opened up by them.
    """
    graph = open_graph(workflow)
    builder = _Builder(catalogue, graph, hints or Hints(), texts or {})
    sections = tuple(builder.section(node) for node in graph.values())
    by_key = {item.key: item for section in sections for item in section.fields}
    return Form(
        workflow=workflow,
        sections=sections,
        first=guess_first(graph, by_key),
        by_key=by_key,
        own_faults={key: fault for key, item in by_key.items() if (fault := item.fault(item.text)) is not None},
    )


class _Builder:
    """Makes the fields of one form; what an input is called and of which kind is looked up once for each class."""

    def __init__(self, catalogue: Catalogue | None, graph: Graph, hints: Hints, texts: Mapping[Key, str]) -> None:
        self._catalogue = catalogue
        self._hints = hints
        self._texts = texts
        self._used = {link for node in graph.values() for link in node.links.values()}
        self._kinds: dict[tuple[str, str], tuple[InputSpec, Kind, str]] = {}

    def section(self, node: GraphNode) -> Section:
        """A node's section."""
        node_class = self._catalogue.get(node.class_type) if self._catalogue is not None else None
        hint = self._hints.nodes.get(node.node_id, NodeHint())
        return Section(
            node_id=node.node_id,
            title=node.title or (node_class.display_name if node_class else node.class_type),
            class_type=node.class_type,
            fields=tuple(self._fields(node, node_class)),
            is_known=node_class is not None,
            colour=hint.colour,
            group=hint.group,
        )

    def _fields(self, node: GraphNode, node_class: NodeClass | None) -> Iterator[Field]:
        known = set(node.links)
        if node_class is not None:
            for name, spec in live_inputs(node_class, self._standing(node)):
                known.add(name)
                if name not in node.links and (name in node.values or spec.is_widget or spec.type in CAPTURES):
                    yield self._field(node, node_class, name, spec)
        for name in node.values:
            if name not in known:
                yield Field(
                    node_id=node.node_id,
                    input_name=name,
                    kind=Unknown(),
                    label=label_of(name),
                    value=node.values[name],
                    class_type=node.class_type,
                )

    def _standing(self, node: GraphNode) -> Mapping[str, object]:
        typed = {name: text for (node_id, name), text in self._texts.items() if node_id == node.node_id}
        return {**node.values, **typed} if typed else node.values

    def _field(self, node: GraphNode, node_class: NodeClass, name: str, spec: InputSpec) -> Field:
        kind, label = self._known(node.class_type, name, spec)
        is_absent = name not in node.values
        value = _default(spec, kind) if is_absent else node.values[name]
        match kind:
            case Upload():
                kind = self._with_mask(kind, node, node_class)
            case Seed():
                kind = replace(kind, mode=self._hints.seeds.get((node.node_id, name), kind.mode))
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


def label_of(name: str) -> str:
    """What to call an input that has only its name: `ckpt_name` is Checkpoint name."""
    told = " ".join(WORDS.get(word, word) for word in name.replace("_", " ").replace(".", " ").split())
    return told[:1].upper() + told[1:]


def _default(spec: InputSpec, kind: Kind) -> object:
    """What the editor starts with; but no file that happens to lie on the server."""
    match kind:
        case Upload():
            return ""
        case Choice(options) if spec.default is None and options:
            return options[0]
    return spec.default


def kind_of(spec: InputSpec) -> Kind:
    """Of which kind a field for an input is."""
    if spec.type in CAPTURES:
        return Upload(CAPTURES[spec.type])
    make = _KINDS.get(spec.type)
    return make(spec) if make is not None else Unknown()


def _whole(spec: InputSpec) -> Kind:
    low, high = _to_whole(spec.minimum), _to_whole(spec.maximum)
    if spec.control_after_generate:
        return Seed(0 if low is None else low, MAX_SEED if high is None else high)
    return Whole(low, high, max(1, _to_whole(spec.step) or 1), "slider" in spec.display)


def _decimal(spec: InputSpec) -> Kind:
    step = spec.step if spec.step and spec.step > 0 else None
    return Decimal(spec.minimum, spec.maximum, step, "slider" in spec.display)


def _choice(spec: InputSpec) -> Kind:
    options = spec.options or ()
    if spec.upload:
        media = MEDIA.get(spec.upload, Media.FILE)
        return Upload(media, spec.upload_folder, options)
    if spec.is_multi_select:
        return Unknown()
    return Choice(options, remote_route=spec.remote_route)


def _shaping(spec: InputSpec) -> Kind:
    held = spec.dynamic
    return Choice(tuple(held.choices), is_shaping=True) if isinstance(held, DynamicCombo) else Unknown()


def _text(spec: InputSpec) -> Kind:
    is_long = spec.is_multiline or spec.type in ("MARKDOWN", "TEXTAREA")
    return Text(is_long, spec.placeholder, spec.has_dynamic_prompts)


def _to_whole(number: float | None) -> int | None:
    return int(number) if number is not None and math.isfinite(number) else None


_KINDS: Mapping[str, Callable[[InputSpec], Kind]] = {
    "INT": _whole,
    "FLOAT": _decimal,
    "BOOLEAN": lambda spec: Switch(spec.label_on, spec.label_off),
    "STRING": _text,
    "TEXTAREA": _text,
    "MARKDOWN": _text,
    "COLOR": _text,
    COMBO: _choice,
    DYNAMIC_COMBO: _shaping,
}
