"""The node catalogue of a server: its `/object_info`, parsed once, each node class when it is requested.

catalogue = Catalogue.parse(text)
catalogue.get("KSampler").input("seed").maximum      # 18446744073709551615
"KSampler" in catalogue, catalogue.names

reader = CatalogueReader(text)                        # the same in steps, for a page that must stay responsive
while (catalogue := reader.read()) is None: …         # give the page a turn

A class whose entry is invalid counts as present (`in`, `names`); `get` returns None, `why_unreadable` the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.core.errors import BadInput
from app.workflows.catalogue_inputs import InputSpec, read_inputs
from app.workflows.replacements import Replacement

MAX_TEXT = 100_000_000  # characters
MAX_CLASSES = 50_000
STEP = 200_000  # characters read at a time: about 2 ms in CPython, 10 ms in Pyodide

Made = TypeVar("Made")

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a node class. A list of choices as its type is `"COMBO"`, with them as `options`."""

    name: str
    type: str
    is_list: bool
    tooltip: str
    options: tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class; `inputs` are in the editor's order, without hidden ones (prompt, unique_id …)."""

    name: str
    display_name: str
    category: str
    description: str
    module: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    is_output: bool
    is_deprecated: bool
    is_experimental: bool
    is_api_node: bool
    raw: Mapping[str, Any]

    def input(self, name: str) -> InputSpec | None:
        """The input of that name, or None."""
        return next((spec for spec in self.inputs if spec.name == name), None)


@dataclass(slots=True)
class Catalogue:
    """All node classes of one server, or only those that were requested; more can be added.

    `replacements` are the classes that the server replaces, by old name, once they were requested.
    `checks_new_choices`: whether it checks choices in the newer form (`wire/versions.py`).
    """

    entries: dict[str, Any]
    replacements: Mapping[str, Replacement] = field(default_factory=dict)
    checks_new_choices: bool = True
    _read: dict[str, NodeClass | str] = field(default_factory=dict, repr=False, compare=False)
    _worked_out: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, source: str | Mapping[str, Any]) -> Catalogue:
        """Parse the answer of `/object_info`; BadInput if it is no such answer. Single classes never raise."""
        if isinstance(source, str):
            reader = CatalogueReader(source)
            while (catalogue := reader.read(len(source) + 1)) is None:
                pass
            return catalogue
        if len(source) > MAX_CLASSES:
            raise BadInput("bad-catalogue", detail=f"more than {MAX_CLASSES} classes")
        return cls(dict(source))

    def add(self, entries: Mapping[str, Any]) -> None:
        """Add classes that are missing; parsed ones stay."""
        self.entries = {**entries, **self.entries}

    def derived(self, make: Callable[[Catalogue], Made]) -> Made:
        """The result of `make` for this catalogue, computed once and kept with it."""
        if make not in self._worked_out:
            self._worked_out[make] = make(self)
        made: Made = self._worked_out[make]
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all classes, in the server's order."""
        return tuple(self.entries)

    def __contains__(self, class_type: object) -> bool:
        return class_type in self.entries

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, class_type: str) -> NodeClass | None:
        """The class of that name; None if the server has none, or its description is invalid."""
        found = self._parsed(class_type)
        return found if isinstance(found, NodeClass) else None

    def uses_credits(self, class_type: str) -> bool:
        """Whether a node of this class, or of the one that replaces it, runs elsewhere and costs credits."""
        rule = self.replacement(class_type)
        found = self.get(class_type if rule is None else rule.new_class)
        return found is not None and found.is_api_node

    def replacement(self, class_type: str) -> Replacement | None:
        """How a class that the server lacks is replaced by one that it has; None if it is not."""
        rule = None if class_type in self.entries else self.replacements.get(class_type)
        return rule if rule is not None and rule.new_class in self.entries else None

    def covers(self, class_type: str) -> bool:
        """Whether the server has a class, or replaces it."""
        return class_type in self.entries or self.replacement(class_type) is not None

    def why_unreadable(self, class_type: str) -> str:
        """What is invalid in a class that is listed but cannot be parsed; empty if nothing is."""
        found = self._parsed(class_type)
        return found if isinstance(found, str) else ""

    def _parsed(self, class_type: str) -> NodeClass | str | None:
        if class_type not in self._read:
            if class_type not in self.entries:
                return None
            self._read[class_type] = _read_class(class_type, self.entries[class_type])
        return self._read[class_type]


class CatalogueReader:
    """Parses the text of `/object_info` class by class, as much at a time as the caller has time for."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise BadInput("bad-catalogue", detail="too large")
        self._text = text
        self._entries: dict[str, Any] = {}
        self._at = self._after_space(0)
        if text[self._at : self._at + 1] != "{":
            raise BadInput("bad-catalogue", detail="not an object of classes")
        self._at = self._after_space(self._at + 1)

    @property
    def done(self) -> float:
        """The share that has been parsed, from 0 to 1."""
        return self._at / len(self._text)

    def read(self, characters: int = STEP) -> Catalogue | None:
        """Continue; return the catalogue once the end is reached, else None. BadInput if the text is not JSON."""
        until = self._at + characters
        try:
            while self._at < until:
                if self._text[self._at : self._at + 1] == "}":
                    return Catalogue(self._entries)
                self._entry()
        except (ValueError, RecursionError) as error:
            raise BadInput("bad-catalogue", detail="not JSON") from error
        if len(self._entries) > MAX_CLASSES:
            raise BadInput("bad-catalogue", detail=f"more than {MAX_CLASSES} classes")
        return None

    def _entry(self) -> None:
        name, at = _DECODER.raw_decode(self._text, self._at)
        at = self._after_space(at)
        if not isinstance(name, str) or self._text[at : at + 1] != ":":
            raise ValueError("no name")
        self._entries[name], at = _DECODER.raw_decode(self._text, self._after_space(at + 1))
        at = self._after_space(at)
        following = self._text[at : at + 1]
        if following not in (",", "}"):
            raise ValueError("no end")
        self._at = self._after_space(at + 1) if following == "," else at

    def _after_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


def _read_class(name: str, entry: object) -> NodeClass | str:
    if not isinstance(entry, Mapping):
        return "not an object"
    given = entry.get("input", {})
    if not isinstance(given, Mapping):
        return "its inputs are no object"
    wrong = [group for group in ("required", "optional") if not isinstance(given.get(group, {}), Mapping | None)]
    if wrong:
        return f"its {wrong[0]} inputs are no object"

    def text(key: str) -> str:
        value = entry.get(key)
        return value if isinstance(value, str) else ""

    return NodeClass(
        name=name,
        display_name=text("display_name") or name,
        category=text("category"),
        description=text("description"),
        module=text("python_module"),
        inputs=read_inputs(given, entry.get("input_order")),
        outputs=tuple(_outputs(entry)),
        is_output=entry.get("output_node") is True,
        is_deprecated=entry.get("deprecated") is True,
        is_experimental=entry.get("experimental") is True,
        is_api_node=entry.get("api_node") is True,
        raw=entry,
    )


def _outputs(entry: Mapping[str, Any]) -> Iterator[OutputSpec]:
    kinds = entry.get("output")
    for index, kind in enumerate(kinds if isinstance(kinds, list) else ()):
        options = tuple(kind) if isinstance(kind, list) else None
        named = kind if isinstance(kind, str) else "COMBO"
        name, tooltip = _at(entry.get("output_name"), index), _at(entry.get("output_tooltips"), index)
        yield OutputSpec(
            name=name if isinstance(name, str) and name else named,
            type=named,
            is_list=_at(entry.get("output_is_list"), index) is True,
            tooltip=tooltip if isinstance(tooltip, str) else "",
            options=options,
        )


def _at(given: object, index: int) -> object:
    return given[index] if isinstance(given, list) and index < len(given) else None
