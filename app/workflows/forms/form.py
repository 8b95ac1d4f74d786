"""The form of any workflow: its nodes as sections, its unlinked inputs as fields.

form = build_form(workflow, catalogue)        # building.py
form.first                                    # the keys of what matters most, in order
form.filled({("3", "steps"): "25"})           # the workflow to send; BadInput for the first invalid text
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Choice, Kind, SeedMode, Text, Upload
from app.workflows.graph import Key

Name_contra = TypeVar("Name_contra", contravariant=True)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class NodeHint:
    """What the editor's own file has about a node besides its values."""

    colour: str = ""
    group: str = ""


class Lookup(Protocol[Name_contra, Found]):
    """Facts by name, as a dict or read when they are asked for: a large form shows a few of its inputs first."""

    def get(self, name: Name_contra, default: Found, /) -> Found:
        """The fact about that name."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Hints of the editor's own file besides the graph; empty for API format.

    `values` are as the editor shows them, where these differ from what is sent. An input in `shared` gets its value
    from the same place as the input given for it: a form has one field for both.

    How the author shows the workflow: `chosen` are the inputs of the editor's app mode, in order; `promoted` those
    that the subgraph nodes of the root show, with the titles of these nodes and the author's labels; `leads` names,
    for a node of the root, the input of a subgraph to which it leads.
    """

    nodes: Lookup[str, NodeHint] = field(default_factory=dict[str, NodeHint])
    seeds: Lookup[Key, SeedMode] = field(default_factory=dict[Key, SeedMode])
    values: Lookup[Key, object] = field(default_factory=dict[Key, object])
    shared: Mapping[Key, Key] = field(default_factory=dict)
    chosen: tuple[Key, ...] = ()
    promoted: tuple[Key, ...] = ()
    labels: Lookup[Key, str] = field(default_factory=dict[Key, str])
    titles: Mapping[Key, str] = field(default_factory=dict)
    leads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """How the author of a published workflow shows one input; the catalogue decides what is empty."""

    kind: Kind | None = None
    label: str = ""
    hint: str = ""
    is_half: bool = False

    def on(self, item: Field) -> Field:
        """The field with this look. The author's kind wins, except for files, where the catalogue knows more."""
        is_known_file = isinstance(item.kind, Upload) and isinstance(self.kind, Upload)
        kind = self.kind if self.kind is not None and not is_known_file else item.kind
        if isinstance(kind, Text) and isinstance(item.kind, Text) and item.kind.has_dynamic_prompts:
            kind = replace(kind, has_dynamic_prompts=True)
        return replace(
            item,
            kind=kind,
            label=self.label or item.label,
            hint=self.hint or item.hint,
            is_half=self.is_half or item.is_half,
        )


@dataclass(frozen=True, slots=True)
class Section:
    """One node with its fields. If the catalogue does not know its class, every field is `Unknown`."""

    node_id: str
    title: str
    class_type: str
    fields: tuple[Field, ...]
    is_known: bool = True
    colour: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """All sections in the workflow's order; `first` are the keys of the top."""

    workflow: ApiWorkflow
    sections: tuple[Section, ...]
    first: tuple[Key, ...]
    by_key: Mapping[Key, Field] = field(compare=False, repr=False)
    hints: Hints = field(compare=False, repr=False)
    own_faults: Mapping[Key, BadInput] = field(compare=False, repr=False)  # of the workflow's own values

    def uploads(self) -> tuple[Field, ...]:
        """The fields that take a file."""
        return tuple(item for item in self.by_key.values() if isinstance(item.kind, Upload))

    def faults(self, texts: Mapping[Key, str]) -> dict[Key, BadInput]:
        """The errors of the form's texts, by key."""
        found = {key: fault for key, fault in self.own_faults.items() if key not in texts}
        for key, text in texts.items():
            item = self.by_key.get(key)
            if item is not None and (fault := item.fault(text)) is not None:
                found[key] = fault
        return found

    def values(self, texts: Mapping[Key, str]) -> dict[Key, object]:
        """The changes of the form's texts to the workflow; BadInput for the first invalid value.

        Texts without a field are ignored: a preset may know more inputs than this catalogue.
        """
        for fault in self.faults(texts).values():
            raise fault
        return self._parsed(texts, frozenset())

    def _parsed(self, texts: Mapping[Key, str], without: Collection[Key]) -> dict[Key, object]:
        found = {
            key: item.parse(item.text_in(texts))
            for key, item in self.by_key.items()
            if key not in without and (key in texts or item.is_absent) and not item.is_left_out(item.text_in(texts))
        }
        found |= {key: found[leader] for key, leader in self.hints.shared.items() if leader in found}
        return {key: value for key, value in found.items() if value is not None}

    def filled(self, texts: Mapping[Key, str]) -> ApiWorkflow:
        """The workflow with the form's texts; BadInput for the first invalid value."""
        return self._with(self.values(texts))

    def sketched(self, texts: Mapping[Key, str]) -> ApiWorkflow:
        """Return the workflow for display: where a text is invalid, the workflow's own value stays."""
        return self._with(self._parsed(texts, self.faults(texts).keys()))

    def _with(self, values: Mapping[Key, object]) -> ApiWorkflow:
        return self.workflow.with_values({**values, **dict(self._numbers(values))})

    def _numbers(self, values: Mapping[Key, object]) -> Iterator[tuple[Key, int]]:
        """Yield the index of each choice that differs from the workflow's own, for nodes that need it."""
        for (node_id, name), value in values.items():
            item = self.by_key.get((node_id, name))
            if item is None or not isinstance(item.kind, Choice) or not item.kind.number_input:
                continue
            if value != item.value and value in item.kind.options:
                yield (node_id, item.kind.number_input), item.kind.options.index(value)
