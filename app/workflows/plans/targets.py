"""Which input of a workflow a plan changes, found by the name that the user or a table's header gives it, and how a
text becomes that input's value.

    target = find_target(workflow, "seed")          # the only unlinked input of that name
    target = find_target(workflow, "3.seed")        # or with its node's id, title or class
    read_value("42", like=workflow.value("3", "seed"))     # 42
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.core.errors import BadPlan, RowFault
from app.core.workflow import ApiWorkflow

NAMED = 8  # inputs that are listed for an ambiguous name
MAX_SEED = 2**64 - 1  # the highest that any seed input of ComfyUI accepts
_TRUE = frozenset({"true", "yes", "on", "1", "是"})
_FALSE = frozenset({"false", "no", "off", "0", "否"})


@dataclass(frozen=True, slots=True)
class Target:
    """One input of one node; `name` is its name in labels."""

    node_id: str
    input_name: str
    name: str = ""

    @property
    def where(self) -> tuple[str, str]:
        """The key of its value in a run."""
        return self.node_id, self.input_name

    @property
    def label(self) -> str:
        """Its label."""
        return self.name or self.input_name


def settable(workflow: ApiWorkflow) -> dict[str, Target]:
    """Every input that can be set, by a name that distinguishes it from the others."""
    targets = [target for target, _ in _settable(workflow)]
    owners = [workflow.nodes[target.node_id] for target in targets]
    names = [
        f"{target.input_name} · {node.title or node.class_type}"
        for target, node in zip(targets, owners, strict=True)
    ]  # fmt: skip
    return {
        name if names.count(name) == 1 else f"{name} #{target.node_id}": target
        for name, target in zip(names, targets, strict=True)
    }


def find_target(workflow: ApiWorkflow, name: str, names: Mapping[str, Target] | None = None) -> Target:
    """The input with a name: one of `names` (a form's own labels), else an input's own name.

    BadPlan(no-such-input) if none can be set, BadPlan(ambiguous-input) with the longer names if there are several.
    """
    wanted = name.strip()
    if names and (known := names.get(wanted)):
        return known
    found = [(target, spelled) for target, spelled in _settable(workflow) if wanted in spelled]
    if not found:
        raise BadPlan("no-such-input", wanted)
    exact = [target for target, _ in found]
    if len(exact) > 1:
        longer = ", ".join(f"{target.node_id}.{target.input_name}" for target in exact[:NAMED])
        raise BadPlan("ambiguous-input", wanted, longer)
    return Target(exact[0].node_id, exact[0].input_name, wanted)


def expect_settable(workflow: ApiWorkflow, target: Target) -> object:
    """The present value of an input, or BadPlan(no-such-input): the node or input is missing, or linked."""
    value = workflow.value(*target.where)
    if value is None or isinstance(value, list | dict):
        raise BadPlan("no-such-input", f"{target.node_id}.{target.input_name}")
    return value


def read_value(text: str, like: object) -> object:
    """A text as a value of the same kind as `like`, the present one. ValueError if it is invalid.

    A number may be of either kind: a workflow has 7 where the server accepts 7.5 too.
    """
    match like:
        case bool():
            word = text.strip().casefold()
            if word not in _TRUE | _FALSE:
                raise ValueError(text)
            return word in _TRUE
        case int() | float():
            return _number(text)
        case _:
            return text


def expect_seeds(numbers: Iterator[int] | tuple[int, ...]) -> None:
    """BadPlan(bad-seed) for the first number that no seed input accepts."""
    for index, number in enumerate(numbers):
        if not 0 <= number <= MAX_SEED:
            raise BadPlan("bad-seed", str(number), faults=(RowFault(index + 1, "bad-seed", detail=str(number)),))


def _number(text: str) -> int | float:
    word = text.strip()
    if "_" in word:  # Python accepts 1_000, which no user means
        raise ValueError(text)
    try:
        return int(word)
    except ValueError:
        number = float(word)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _settable(workflow: ApiWorkflow) -> Iterator[tuple[Target, frozenset[str]]]:
    """Every input that is not linked, with the names that it may be called by."""
    graph = json.loads(workflow.text)
    for node_id, node in workflow.nodes.items():
        for input_name, value in graph[node_id].get("inputs", {}).items():
            if isinstance(value, list | dict) or value is None:
                continue
            owners = {node_id, node.title, node.class_type} - {""}
            yield Target(node_id, input_name), frozenset({input_name, *(f"{name}.{input_name}" for name in owners)})
