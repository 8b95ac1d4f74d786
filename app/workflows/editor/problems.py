"""Why a workflow of the editor cannot be converted: every node that stands in the way, with its reason.

CannotConvert (a BadInput, cause "cannot-convert")
└ problems: Problem(reason, node_id, class_type, title, detail) …
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import BadInput


class Reason(Enum):
    """What is in the way. The detail names the input, link or subgraph that it is about."""

    MALFORMED = "malformed"  # not what an editor saves: a node without a type, a link without an end
    UNKNOWN_CLASS = "unknown-class"  # the server has no such node
    UNREADABLE_CLASS = "unreadable-class"  # it has, but what it says of it makes no sense
    GROUP_NODE = "group-node"  # the old kind of group: the editor turns it into a subgraph when it is opened there
    BROKEN_LINK = "broken-link"  # a link comes from a node, an output or a subgraph that is not there
    CYCLE = "cycle"  # links or subgraphs go round in a circle
    TOO_MANY = "too-many"  # more nodes, or longer ways between them, than anybody has
    NEEDS_EDITOR = "needs-editor"  # the value is made by the editor's own page: a camera, a 3D view, a recorder


@dataclass(frozen=True, slots=True)
class Problem:
    """One node, by its id in API format, that cannot be converted; class and title as far as they are known."""

    reason: Reason
    node_id: str = ""
    class_type: str = ""
    title: str = ""
    detail: str = ""


@dataclass(eq=False)
class CannotConvert(BadInput):
    """The editor's workflow cannot be turned into what the server takes: `problems` has at least one."""

    problems: tuple[Problem, ...] = ()


def refuse(*problems: Problem) -> CannotConvert:
    """The error for these problems."""
    first = problems[0]
    return CannotConvert("cannot-convert", first.title or first.class_type, first.reason.value, problems)


class WriteFault(Enum):
    """Why values cannot be written into the editor's workflow."""

    NO_SUCH_INPUT = "no-such-input"  # no node of that id, or its input has no value of its own
    SHARED = "shared"  # two of the inputs have one place in the editor, and were to get different values
    NOT_KEPT = "not-kept"  # the editor would not give the value back
    OTHERWISE = "otherwise"  # what is sent differs from the file in more than values that lie in it
    TOO_LARGE = "too-large"  # the file is larger than what is sent along
    UNREADABLE = "unreadable"  # what was kept of the file is none


@dataclass(eq=False)
class CannotWrite(BadInput):
    """A value cannot be written back: `name` is the node's id, `detail` the input's name, if it is one's fault."""

    fault: WriteFault = WriteFault.NO_SUCH_INPUT
