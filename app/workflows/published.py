"""A workflow with the form that its author made for it, as one JSON text: the shipped ones, and an installation's own.

    {"v": 1, "title": …, "about": …, "needs": "" | "demo" | "checkpoint",
     "fields": [{"node": "1", "input": "seed", "kind": "seed", "label": …, "min": 0, "max": …}, …],
     "presets": [{"name": …, "values": [{"node": "1", "input": "steps", "value": 20}, …]}, …],
     "models": [{"name": …, "url": …, "directory": …}, …],
     "workflow": {… API format …}}

`fields` are the top, in order. Of a field, only `node` and `input` are required: the rest is where it differs
from the server's catalogue. One that needs a checkpoint takes the first that its server lists. Titles, labels and
hints of the shipped ones are English msgids. `models` are the sources of models that a
server may lack, as in the editor's own files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.errors import BadInput, reason_of
from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout, workflow_key
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form, Hints, Look
from app.workflows.forms.kinds import (
    MAX_SEED,
    Choice,
    Decimal,
    Kind,
    Media,
    Seed,
    SeedMode,
    Switch,
    Text,
    Upload,
    Whole,
    text_of_option,
)
from app.workflows.forms.presets import Preset
from app.workflows.graph import Key
from app.workflows.model_sources import ModelSource, read_model_sources

CHECKPOINT_LOADER, CHECKPOINT = "CheckpointLoaderSimple", "ckpt_name"


@dataclass(frozen=True, slots=True)
class Published:
    """A published workflow, how its author shows its form, and the author's presets."""

    workflow_id: str
    title: str
    about: str
    needs_demo: bool
    workflow: ApiWorkflow
    layout: Layout
    looks: Mapping[Key, Look] = field(default_factory=dict)
    presets: tuple[Preset, ...] = ()
    hints: Hints = field(default_factory=Hints)
    models: tuple[ModelSource, ...] = ()
    needs_checkpoint: bool = False

    @property
    def key(self) -> str:
        """The name of its shape, under which the user's layout is kept."""
        return self.layout.workflow_key or workflow_key(self.workflow)

    def form(self, catalogue: Catalogue | None = None, texts: Mapping[Key, str] | None = None) -> Form:
        """Its form; without a catalogue, only the author's fields can be changed."""
        return build_form(self.workflow, catalogue, self.hints, texts, self.looks)


def parse_published(workflow_id: str, text: str) -> Published:
    """Parse one; BadInput if its workflow or its form is invalid."""
    try:
        data = json.loads(text)
        looks = {_key(item): _look(item) for item in data["fields"]}
        workflow = parse_workflow(data["workflow"])
        key = workflow_key(workflow)
        presets = tuple(
            _preset(f"{workflow_id}/{number}", key, item) for number, item in enumerate(data.get("presets", ()), 1)
        )
        models = read_model_sources({"models": data.get("models")})
        title, about = str(data["title"]), str(data["about"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("bad-workflow", workflow_id, reason_of(error)) from error
    for node_id, _ in looks:
        if node_id not in workflow.nodes:
            raise BadInput("bad-workflow", workflow_id, f"field of a missing node {node_id}")
    layout = Layout(key, first=tuple(looks) or None)
    needs = data.get("needs")
    return Published(
        workflow_id,
        title,
        about,
        needs == "demo",
        workflow,
        layout,
        looks,
        presets,
        models=models,
        needs_checkpoint=needs == "checkpoint",
    )


def checkpoints_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the checkpoints that a server lists."""
    loader = catalogue.get(CHECKPOINT_LOADER)
    spec = loader.input(CHECKPOINT) if loader is not None else None
    return tuple(map(text_of_option, spec.options or ())) if spec is not None else ()


def with_checkpoint(published: Published, catalogue: Catalogue | None) -> Published:
    """Return a workflow that needs a checkpoint with one that the server lists, if it lists any."""
    names = checkpoints_of(catalogue) if published.needs_checkpoint and catalogue is not None else ()
    if not names:
        return published
    nodes = json.loads(published.workflow.text)
    for node in nodes.values():
        if node["class_type"] == CHECKPOINT_LOADER and node["inputs"][CHECKPOINT] not in names:
            node["inputs"][CHECKPOINT] = names[0]
    return replace(published, workflow=parse_workflow(json.dumps(nodes, ensure_ascii=False)))


def _key(item: Mapping[str, Any]) -> Key:
    key = item["node"], item["input"]
    if not all(isinstance(part, str) for part in key):
        raise ValueError(f"no text: {key}")
    return key


def _look(item: Mapping[str, Any]) -> Look:
    kind = item.get("kind")
    return Look(
        kind=None if kind is None else _KINDS[kind](item),
        label=str(item.get("label", "")),
        hint=str(item.get("hint", "")),
        is_half=bool(item.get("half")),
    )


def _preset(preset_id: str, key: str, item: Mapping[str, Any]) -> Preset:
    return Preset(
        preset_id=preset_id,
        name=str(item["name"]),
        workflow_key=key,
        texts=tuple((*_key(value), text_of_option(value["value"])) for value in item["values"]),
    )


def _slider(item: Mapping[str, Any]) -> Kind:
    make = _whole if item.get("whole") else _decimal
    return make(item, is_slider=True)


def _whole(item: Mapping[str, Any], *, is_slider: bool = False) -> Kind:
    return Whole(_int(item, "min"), _int(item, "max"), _int(item, "step") or 1, is_slider)


def _decimal(item: Mapping[str, Any], *, is_slider: bool = False) -> Kind:
    return Decimal(_number(item, "min"), _number(item, "max"), _number(item, "step"), is_slider)


def _seed(item: Mapping[str, Any]) -> Kind:
    low, high = _int(item, "min"), _int(item, "max")
    mode = SeedMode(item.get("mode", SeedMode.RANDOM.value))
    return Seed(0 if low is None else low, MAX_SEED if high is None else high, mode)


def _choice(item: Mapping[str, Any]) -> Kind:
    options = item["options"]
    return Choice(tuple(option["value"] for option in options), tuple(str(option["label"]) for option in options))


def _number(item: Mapping[str, Any], name: str) -> float | None:
    number = item.get(name)
    if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
        raise ValueError(f"{name} is no number")
    return number


def _int(item: Mapping[str, Any], name: str) -> int | None:
    number = _number(item, name)
    if number is not None and not isinstance(number, int):
        raise ValueError(f"{name} is no whole number")
    return number


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Kind]] = {
    "picture": lambda _: Upload(Media.PICTURE),
    "mask": lambda _: Upload(Media.MASK),
    "video": lambda _: Upload(Media.VIDEO),
    "audio": lambda _: Upload(Media.AUDIO),
    "text": lambda item: Text(
        is_multiline=bool(item.get("multiline", True)), has_dynamic_prompts=bool(item.get("choices"))
    ),
    "integer": _whole,
    "number": lambda item: _whole(item) if item.get("whole") else _decimal(item),
    "slider": _slider,
    "seed": _seed,
    "choice": _choice,
    "switch": lambda item: Switch(str(item.get("on", "")), str(item.get("off", ""))),
}
