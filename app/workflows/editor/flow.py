"""Where an input's value comes from: links followed through subgraphs, reroutes and bypassed nodes, as the editor does.

One walk is a loop over steps, never a recursion; it ends at an output that is sent, at a value that a subgraph node
holds, or nowhere. The editor refuses cycles, and so do we.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.workflows.editor.graph import INPUT_NODE
from app.workflows.editor.nodes import BYPASS, NEVER, SETTERS, LiveGraph, LiveNode, Place, saved_values
from app.workflows.editor.problems import Problem, Reason, refuse
from app.workflows.editor.values import as_text

_MOST_STEPS = 2_000_000  # of all walks of one workflow; a chain of 100 reroutes before 5,000 nodes has 500,000


@dataclass(slots=True)
class Scope:
    """One use of a graph: the root, or the inside of one subgraph node. `prefix` comes before its nodes' ids."""

    graph: LiveGraph
    prefix: str = ""
    host: LiveNode | None = None
    outer: Scope | None = None
    inner: dict[str, Scope] = field(default_factory=dict)

    def of(self, host: LiveNode) -> Scope:
        """The inside of a subgraph node of this scope."""
        found = self.inner.get(host.node_id)
        if found is None:
            assert host.graph is not None
            found = self.inner[host.node_id] = Scope(host.graph, f"{self.prefix}{host.node_id}:", host, self)
        return found

    @property
    def chain(self) -> Iterator[LiveNode]:
        """The subgraph nodes around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None and scope.host is not None:
            yield scope.host
            scope = scope.outer


@dataclass(frozen=True, slots=True)
class FlowOutput:
    """An output of a node that is sent."""

    node_id: str
    slot: int


Found = FlowOutput | Place | None


class Flow:
    """Follows the links of one workflow."""

    def __init__(self) -> None:
        self._steps = 0

    def into(self, scope: Scope, node: LiveNode, slot: int) -> Found:
        """The source of an input: an output, a value that a subgraph node shows for it, or nothing."""
        if (near := _near_output(scope, node, slot)) is not None:
            return near
        walk = _Walk(scope, node, slot)
        seen: set[tuple[str, str, bool, int]] = set()
        while not walk.is_over:
            step = (walk.scope.graph.level.key, walk.node.node_id, walk.is_input, walk.slot)
            self._steps += 1
            if step in seen:
                raise refuse(problem_of(Reason.CYCLE, walk.scope, walk.node))
            if self._steps > _MOST_STEPS:
                raise refuse(problem_of(Reason.TOO_MANY, scope, node, "links"))
            seen.add(step)
            if walk.is_input:
                walk.leave_input()
            else:
                walk.leave_output()
        return walk.found


def _near_output(scope: Scope, node: LiveNode, slot: int) -> FlowOutput | None:
    """The output that is linked to an input, if it is sent, as nearly all are; None if a walk has to find it."""
    link = node.links.get(slot)
    origin = None if link is None else scope.graph.nodes.get(link.origin)
    if link is None or origin is None or origin.layout is None or not origin.is_active:
        return None
    if link.origin_slot < 0 or not 0 <= slot < len(node.input_types):
        return None
    return FlowOutput(f"{scope.prefix}{origin.node_id}", link.origin_slot)


@dataclass(slots=True)
class _Walk:
    """One walk against the links: at an input or an output of a node. `kind` is the requested type."""

    scope: Scope
    node: LiveNode
    slot: int
    is_input: bool = True
    kind: object = None
    is_over: bool = False
    found: Found = None

    def leave_input(self) -> None:
        """Continue at the output that is linked to this input; outside the subgraph if the link comes from its edge."""
        node = self.node
        link = node.links.get(self.slot)
        if link is None:
            self.is_over = True
            return
        if not 0 <= self.slot < len(node.input_types):
            raise refuse(problem_of(Reason.BROKEN_LINK, self.scope, node, str(self.slot)))
        if self.kind is None:
            self.kind = node.input_types[self.slot]
        if self.scope.host is not None and link.origin == INPUT_NODE:
            self._go_out(self.scope.host, link.origin_slot)
            return
        origin = self.scope.graph.nodes.get(link.origin)
        if origin is None or link.origin_slot < 0:
            raise refuse(problem_of(Reason.BROKEN_LINK, self.scope, node, node.input_names[self.slot]))
        self.node, self.slot, self.is_input = origin, link.origin_slot, False

    def _go_out(self, host: LiveNode, slot: int) -> None:
        if not 0 <= slot < len(host.input_widgets):
            raise refuse(problem_of(Reason.BROKEN_LINK, self.scope, self.node, "no such input of the subgraph"))
        if slot not in host.links:
            self.is_over = True
            self.found = None if host.input_widgets[slot] is None else (host, slot)
            return
        assert self.scope.outer is not None
        self.scope, self.node, self.slot, self.kind = self.scope.outer, host, slot, None

    def leave_output(self) -> None:
        """End at an output that is sent, or continue behind one that is not."""
        node = self.node
        if node.mode == NEVER:
            self.is_over = True
        elif node.mode == BYPASS:
            slot = _around(self.scope, node, self.slot, self.kind)
            self.is_over = slot < 0
            self.slot, self.is_input, self.kind = slot, True, None
        elif node.graph is not None:
            self._go_in(node, node.graph)
        elif node.is_virtual:
            # A reroute passes its input on. A primitive has nothing to pass on.
            if node.type in SETTERS:
                self._go_to_setter(node)
            self.is_over = self.slot not in self.node.links
            self.is_input = True
        else:
            self.is_over = True
            self.found = FlowOutput(f"{self.scope.prefix}{node.node_id}", self.slot)

    def _go_to_setter(self, getter: LiveNode) -> None:
        """Continue at the setter of the same name: in this graph, or in one around this subgraph."""
        name = next(iter(saved_values(getter.raw)), None)
        scope: Scope | None = self.scope
        while name and scope is not None:
            for node in scope.graph.nodes.values():
                if node.type == SETTERS[getter.type] and next(iter(saved_values(node.raw)), None) == name:
                    self.scope, self.node, self.slot = scope, node, 0
                    return
            scope = scope.outer

    def _go_in(self, host: LiveNode, graph: LiveGraph) -> None:
        outputs = graph.level.outputs
        if self.slot >= len(outputs):
            raise refuse(problem_of(Reason.BROKEN_LINK, self.scope, host, f"output {self.slot}"))
        link_ids = outputs[self.slot].link_ids
        link = graph.links.get(link_ids[0]) if link_ids else None
        if link is None:
            self.is_over = True
            return
        node = graph.nodes.get(link.origin)
        if node is None or link.origin_slot < 0:
            raise refuse(problem_of(Reason.BROKEN_LINK, self.scope, host, f"output {self.slot}"))
        self.scope, self.node, self.slot = self.scope.of(host), node, link.origin_slot


def _around(scope: Scope, node: LiveNode, slot: int, kind: object) -> int:
    """The input that a bypassed node passes on for an output; -1 for none."""
    types = node.input_types
    if slot >= len(node.output_types):
        raise refuse(problem_of(Reason.BROKEN_LINK, scope, node, f"output {slot}"))
    if kind in ("*", ""):
        return slot if len(types) > slot else 0 if types else -1
    given = node.output_types[slot]

    def fits(at: int) -> bool:
        return can_connect(types[at], given) and can_connect(types[at], kind)

    if slot < len(types) and fits(slot):
        return slot
    if kind in types:
        return types.index(kind)
    return next((at for at in range(len(types)) if fits(at)), -1)


def can_connect(one: object, other: object) -> bool:
    """Whether two types of sockets fit: the same, either of them any, or one of several in common."""
    if one in ("", "*", 0, None) or other in ("", "*", 0, None) or one == other:
        return True
    ones, others = (set(as_text(kind).lower().split(",")) for kind in (one, other))
    if len(ones) == len(others) == 1:
        return ones == others
    return bool(ones & others) or bool((ones | others) & {"", "*"})


def problem_of(reason: Reason, scope: Scope, node: LiveNode, detail: str = "") -> Problem:
    """A problem of a node, by its id in API format."""
    return Problem(reason, f"{scope.prefix}{node.node_id}", node.type, node.title, detail)
