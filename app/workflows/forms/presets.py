"""Reusable values: presets by name, and recent values of an input of that class and name.

    preset = preset_of(form, texts, modes, preset_id=…, name="Night", workflow_key=layout.workflow_key)
    texts, modes = preset.over(texts, modes)

    recent = noted(recent, form, texts)
    recent.of("KSampler", "steps")         # ("25", "20"): the latest first

Neither contains files: a picture's bytes belong to the run that used it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.model import RECORD_VERSION
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Seed, SeedMode, Unknown, Upload
from app.workflows.forms.records import check_lengths
from app.workflows.graph import Key

PRESET_KIND, RECENT_KIND = "preset", "recent"  # kinds of documents (`app/core/ports/documents.py`)
RECENT_EACH = 12  # values of one input
RECENT_INPUTS = 300
LONGEST = 4_000  # characters of a recent text; a longer one is not kept


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of texts for a workflow of one shape: (node id, input name, text), and the modes of its seeds.

    Inputs that a form does not know stay in it: another catalogue may know them.
    """

    preset_id: str
    name: str
    workflow_key: str = ""
    texts: tuple[tuple[str, str, str], ...] = ()
    modes: tuple[tuple[str, str, str], ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_lengths(self.texts, 3, "texts")
        check_lengths(self.modes, 3, "modes")
        for *_, mode in self.modes:
            SeedMode(mode)

    def over(
        self, texts: Mapping[Key, str], modes: Mapping[Key, SeedMode]
    ) -> tuple[dict[Key, str], dict[Key, SeedMode]]:
        """The form's texts with the preset applied; inputs that it does not name stay."""
        return (
            {**texts, **{(node_id, name): text for node_id, name, text in self.texts}},
            {**modes, **{(node_id, name): SeedMode(mode) for node_id, name, mode in self.modes}},
        )


def preset_of(
    form: Form, texts: Mapping[Key, str], modes: Mapping[Key, SeedMode], *, preset_id: str, name: str, workflow_key: str
) -> Preset:
    """A preset of all present texts of a form; also of unchanged ones, since those may differ later."""
    kept = [item for item in form.by_key.values() if not isinstance(item.kind, Upload | Unknown)]
    seeds = [item for item in kept if isinstance(item.kind, Seed)]
    return Preset(
        preset_id=preset_id,
        name=name.strip(),
        workflow_key=workflow_key,
        texts=tuple((*item.key, item.text_in(texts)) for item in kept),
        modes=tuple((*item.key, mode_of(item, modes).value) for item in seeds),
    )


def mode_of(item: Field, modes: Mapping[Key, SeedMode]) -> SeedMode:
    """The mode of a seed: the user's choice, else the form's own."""
    own = item.kind.mode if isinstance(item.kind, Seed) else SeedMode.FIXED
    return modes.get(item.key, own)


@dataclass(frozen=True, slots=True)
class RecentInput:
    """Recently sent values of one input, the latest first."""

    class_type: str
    input_name: str
    texts: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recent:
    """Recently sent values, by input; the one used latest first."""

    inputs: tuple[RecentInput, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    def of(self, class_type: str, input_name: str) -> tuple[str, ...]:
        """The texts of one input, the latest first."""
        return next((item.texts for item in self.inputs if _is(item, class_type, input_name)), ())


def noted(recent: Recent, form: Form, texts: Mapping[Key, str]) -> Recent:
    """The recent values with those of a run: the texts that were typed, not those of the workflow itself."""
    inputs = list(recent.inputs)
    for item in _worth_noting(form, texts):
        text = item.text_in(texts)
        before = next((found for found in inputs if _is(found, item.class_type, item.input_name)), None)
        if before is not None:
            inputs.remove(before)
        base = before or RecentInput(item.class_type, item.input_name)
        others = tuple(other for other in base.texts if item.spelled(other) != text)
        inputs.insert(0, replace(base, texts=(text, *others)[:RECENT_EACH]))
    return replace(recent, inputs=tuple(inputs[:RECENT_INPUTS]))


def _worth_noting(form: Form, texts: Mapping[Key, str]) -> Iterator[Field]:
    for key, text in texts.items():
        item = form.by_key.get(key)
        if item is None or not item.kind.has_recent or not text or len(text) > LONGEST:
            continue
        if item.spelled(text) != item.text:
            yield item


def _is(item: RecentInput, class_type: str, input_name: str) -> bool:
    return item.class_type == class_type and item.input_name == input_name
