"""Why a workflow of the editor cannot be converted: every node with a problem, and the reason.

CannotConvert (a BadInput, cause "cannot-convert")
└ problems: Problem(reason, node_id, class_type, title, detail) …
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import BadInput


class Reason(Enum):
    """The reason of a problem. Its detail names the input, link or subgraph."""

    MALFORMED = "malformed"  # no editor saves this: a node without a type, a link without an end
    UNKNOWN_CLASS = "unknown-class"  # the server has no such node
    UNREADABLE_CLASS = "unreadable-class"  # it has it, but describes it incorrectly
    GROUP_NODE = "group-node"  # the old kind of group: the editor turns it into a subgraph when it is opened there
    BROKEN_LINK = "broken-link"  # a link comes from a missing node, output or subgraph
    CYCLE = "cycle"  # links or subgraphs go round in a circle
    TOO_MANY = "too-many"  # more nodes, or longer paths between them, than any real workflow
    NEEDS_EDITOR = "needs-editor"  # the value is made by a script of the editor's own page


@dataclass(frozen=True, slots=True)
class Problem:
    """One node, by its id in API format, that cannot be converted; class and title if they are known."""

    reason: Reason
    node_id: str = ""
    class_type: str = ""
    title: str = ""
    detail: str = ""


@dataclass(eq=False)
class CannotConvert(BadInput):
    """The editor's workflow cannot be converted to API format: `problems` has at least one."""

    problems: tuple[Problem, ...] = ()


def refuse(*problems: Problem) -> CannotConvert:
    """The error for these problems."""
    first = problems[0]
    return CannotConvert("cannot-convert", first.title or first.class_type, first.reason.value, problems)


class WriteFault(Enum):
    """Why values cannot be written into the editor's workflow."""

    NO_SUCH_INPUT = "no-such-input"  # no node of that id, or its input has no value of its own
    SHARED = "shared"  # two of the inputs share one place in the editor, but have different values
    NOT_KEPT = "not-kept"  # the editor would change the value
    OTHERWISE = "otherwise"  # what is sent differs from the file in more than its values
    TOO_LARGE = "too-large"  # the file is too large to be sent along
    UNREADABLE = "unreadable"  # the kept copy is invalid


@dataclass(eq=False)
class CannotWrite(BadInput):
    """A value cannot be written back: `name` is the node's id, `detail` the input's name, if one input is the cause."""

    fault: WriteFault = WriteFault.NO_SUCH_INPUT
