"""A workflow to choose with the form of its inputs, read from `static/workflows/*.json`.

    {"v": 1, "title": …, "about": …, "needs": "" | "demo",
     "fields": [{"node": "1", "input": "seed", "kind": "seed", "label": …, "min": 0, "max": …}, …],
     "workflow": {… API format …}}

Titles, labels, hints and node titles are English msgids of the catalogue.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow, parse_workflow

SAMPLE_IDS = ("enlarge", "blend", "text", "slow")

Key = tuple[str, str]  # (node id, input name)


class FieldKind(Enum):
    """What control a field is."""

    PICTURE = "picture"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    SLIDER = "slider"
    SEED = "seed"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a choice: what is sent, and how it is called."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input of the workflow as a field. `minimum` and `maximum` are inclusive and exact, as whole numbers are."""

    node_id: str
    input_name: str
    kind: FieldKind
    label: str
    hint: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    options: tuple[Option, ...] = ()
    is_whole: bool = False
    is_half: bool = False

    @property
    def key(self) -> Key:
        """Which input it is."""
        return self.node_id, self.input_name

    def parse(self, text: str) -> object:
        """The value to send for what the person typed; BadInput says what is wrong with it.

        Whole numbers never pass through a float: a seed has up to 64 bits.
        """
        match self.kind:
            case FieldKind.TEXT | FieldKind.PICTURE:
                return text
            case FieldKind.CHOICE:
                if text not in {option.value for option in self.options}:
                    raise BadInput("not-an-option", self.label, text)
                return text
        return self._in_range(self._number(text.strip()))

    def _number(self, text: str) -> float:
        try:
            if self.is_whole:
                return int(text)
            value = float(text)
        except ValueError as error:
            raise BadInput("not-a-number", self.label, text) from error
        if not math.isfinite(value):
            raise BadInput("not-a-number", self.label, text)
        return value

    def _in_range(self, value: float) -> float:
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadInput("out-of-range", self.label, f"{low} – {high}")
        return value


@dataclass(frozen=True, slots=True)
class Sample:
    """A workflow to choose, and its form."""

    sample_id: str
    title: str
    about: str
    needs_demo: bool
    workflow: ApiWorkflow
    fields: tuple[FormField, ...]

    def default(self, key: Key) -> str:
        """What a field shows before the person changes it."""
        value = self.workflow.value(*key)
        return "" if value is None else str(value)

    def picture_fields(self) -> tuple[FormField, ...]:
        """The fields that take a picture, in order."""
        return tuple(item for item in self.fields if item.kind is FieldKind.PICTURE)

    def filled(self, values: Mapping[Key, str]) -> ApiWorkflow:
        """The workflow with the form's values in; BadInput for the first value that cannot be sent.

        Pictures are left out: the session sets them to the names that the server gave.
        """
        typed = [item for item in self.fields if item.kind is not FieldKind.PICTURE]
        return self.workflow.with_values(
            {item.key: item.parse(values.get(item.key, self.default(item.key))) for item in typed}
        )


def parse_sample(sample_id: str, text: str) -> Sample:
    """Read one sample file; BadInput if its workflow or its form is not right."""
    try:
        data = json.loads(text)
        fields = tuple(_field(item) for item in data["fields"])
        workflow = parse_workflow(data["workflow"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("bad-workflow", sample_id, repr(error)) from error
    for item in fields:
        if item.node_id not in workflow.nodes:
            raise BadInput("bad-workflow", sample_id, f"field of a missing node {item.node_id}")
    return Sample(sample_id, data["title"], data["about"], data.get("needs") == "demo", workflow, fields)


def _field(item: Mapping[str, Any]) -> FormField:
    kind = FieldKind(item["kind"])
    return FormField(
        node_id=item["node"],
        input_name=item["input"],
        kind=kind,
        label=item["label"],
        hint=item.get("hint", ""),
        minimum=item.get("min"),
        maximum=item.get("max"),
        step=item.get("step"),
        options=tuple(Option(option["value"], option["label"]) for option in item.get("options", ())),
        is_whole=kind in {FieldKind.INTEGER, FieldKind.SEED} or bool(item.get("whole")),
        is_half=bool(item.get("half")),
    )
