"""Use Everywhere: the links that this pack (cg-use-everywhere) adds before the editor sends a workflow.

A sender sends what it is linked to, or its own outputs, to each free input of its level that has the type, is not
excluded by the receiver and passes the sender's restrictions. Of several senders the one with the highest priority is
linked, and none if two have it. The rules are those of version 7.8, also for files of earlier versions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.workflows.editor.flow import can_connect
from app.workflows.editor.graph import INPUT_NODE, OUTPUT_NODE, GraphLink
from app.workflows.editor.layout import Layouts
from app.workflows.editor.nodes import BYPASS, PRIMITIVE, REROUTE, LiveGraph, LiveNode
from app.workflows.editor.opening import Opened
from app.workflows.editor.primitives import feed
from app.workflows.editor.problems import CannotConvert, Problem, Reason, refuse
from app.workflows.editor.regexes import InvalidRegex, Regex, StepBudget, UnsupportedRegex
from app.workflows.editor.values import as_text

PROMPTS, SEED = "Prompts Everywhere", "Seed Everywhere"
SENDER_BY_PATTERNS = "Anything Everywhere?"  # its widgets have the patterns, which are no values of a run
_MOST_STEPS = 2_000_000  # of all comparisons of one workflow
_PATTERNS = ("title", "input", "prompt", "negative", "group")
_SEED_INPUTS = "seed|seed"  # the name of the input, and the one that the English editor shows
_TITLE_HEIGHT = 30
_NO_TITLE = frozenset({REROUTE})

Settings = Mapping[str, Any]
_Value = tuple[str, int, str]  # a node's id, the number of its output, and the name under which it is sent


def add_broadcasts(opened: Opened, layouts: Layouts, source: Mapping[str, Any]) -> None:
    """Add the pack's links to all levels; CannotConvert if only the editor can say which."""
    budget = StepBudget(_MOST_STEPS)
    for graph in (opened.root, *(graph for graph in opened.graphs.values() if graph.hosts)):
        if any(_is_sender(node) or _properties(node).get("ue_convert") for node in graph.nodes.values()):
            try:
                _Everywhere(graph, layouts, source, budget).connect()
            except UnsupportedRegex as error:  # of the budget: those of patterns name their sender
                raise refuse(Problem(Reason.TOO_MANY, detail="links")) from error


@dataclass(frozen=True, slots=True)
class _Input:
    """A free input of a node, or (without one) an output of the subgraph. `label` is what the editor shows."""

    node: LiveNode | None
    slot: int
    type: str
    name: str
    label: str

    @property
    def title(self) -> str:
        """The title of the receiver."""
        return "subgraph output node" if self.node is None else self.node.title or self.node.type


@dataclass(slots=True)
class _Pattern:
    """A restriction by a regular expression; results are kept, since nodes share titles and names."""

    regex: Regex | UnsupportedRegex
    is_inverted: bool
    budget: StepBudget
    known: dict[str, bool] = field(default_factory=dict)

    def allows(self, text: str) -> bool:
        """Whether a receiver with that title, or an input with that name, may get the value."""
        if isinstance(self.regex, UnsupportedRegex):
            raise self.regex
        if text not in self.known:
            self.known[text] = self.budget.of(self.regex, text) is not self.is_inverted
        return self.known[text]


@dataclass(slots=True)
class _Broadcast:
    """One value that a node sends. `rule` compares names, where a node sends several values of one type."""

    sender: LiveNode
    settings: Settings
    type: str
    origin: str
    origin_slot: int
    name: str
    rule: int | None = None
    priority: float = 0
    nodes: frozenset[str] | None = None
    title: _Pattern | None = None
    input: _Pattern | None = None

    def fits(self, into: _Input, budget: StepBudget) -> bool:
        """Whether it may be sent there."""
        if self.type != into.type and not (
            (self.type == "STRING" and into.type == "COMBO" and _number(self.settings.get("string_to_combo")) > 0)
            or (into.type == "*" and _number(self.settings.get("send_to_any")) > 0)
        ):
            return False
        node_id = OUTPUT_NODE if into.node is None else into.node.node_id
        return (
            self.origin != node_id
            and (self.nodes is None or node_id in self.nodes)
            and (self.rule is None or self._is_named(into, budget))
            and (self.title is None or self.title.allows(into.title))
            and (self.input is None or self.input.allows(into.label))
        )

    def _is_named(self, into: _Input, budget: StepBudget) -> bool:
        own, name = self.name, into.name
        size = min(len(own), len(name))
        match self.rule:
            case 0:
                return own == name
            case 1:
                return own[:size] == name[:size]
            case 2:
                return own[len(own) - size :] == name[len(name) - size :]
            case 3:
                return into.node is not None and into.node.title == own
            case 4:
                return budget.of(Regex.parse(own), name)
        return True


@dataclass(slots=True)
class _Everywhere:
    """One level, with the senders in it."""

    graph: LiveGraph
    layouts: Layouts
    source: Mapping[str, Any]
    budget: StepBudget
    groups: list[tuple[str, frozenset[str]]] | None = None

    def connect(self) -> None:
        """Link each free input to the broadcast that fits best."""
        self._drop_saved()
        broadcasts = [one for node in self.graph.nodes.values() for one in self._sent_by(node)]
        inputs = list(self._inputs()) if broadcasts else []
        self.budget.spend(len(broadcasts) * len(inputs))
        for into in inputs:
            best: _Broadcast | None = None
            is_tied = False
            for one in broadcasts:
                if (best is None or one.priority >= best.priority) and self._fits(one, into):
                    is_tied = best is not None and one.priority == best.priority
                    best = one
            if best is not None and not is_tied:
                self._link(best, into)

    def _fits(self, one: _Broadcast, into: _Input) -> bool:
        try:
            return one.fits(into, self.budget)
        except (InvalidRegex, UnsupportedRegex) as error:
            raise _needs_editor(one.sender, f"a regular expression: {error}") from error

    def _drop_saved(self) -> None:
        """Remove the links that the pack had added when the file was saved with a picture."""
        extra = self.source.get("extra")
        added = extra.get("links_added_by_ue") if isinstance(extra, Mapping) and not self.graph.level.key else None
        origins = set()
        for link_id in added if isinstance(added, list) else ():
            link = self.graph.links.pop(link_id, None) if isinstance(link_id, int | float | str) else None
            target = None if link is None else self.graph.nodes.get(link.target)
            if link is not None and target is not None and target.links.get(link.target_slot) == link:
                del target.links[link.target_slot]
                origins.add(link.origin)
        for origin in origins:
            leaving = self.graph.by_origin[origin]
            self.graph.by_origin[origin] = [link for link in leaving if link.link_id in self.graph.links]

    def _sent_by(self, node: LiveNode) -> Iterator[_Broadcast]:
        is_any = bool(_properties(node).get("ue_convert"))
        if not node.is_active or not (is_any or _is_sender(node)):
            return
        settings = _settings_of(node)
        if is_seed := bool(node.type == SEED or settings.get("seed_inputs")):
            found = [_Broadcast(node, settings, "INT", node.node_id, 0, "")]
        else:
            given = self._own_outputs(node, settings) if is_any else self._linked(node)
            found = [_Broadcast(node, settings, as_text(kind), *one) for kind, one in given]
        if not found:
            return
        count = Counter(one.type for one in found)
        is_repeated = len(count) < len(found)
        priority = _number(settings.get("priority")) or _priority(node, settings, is_repeated=is_repeated)
        title, name, group = (self._pattern(settings, kind) for kind in ("title", "input", "group"))
        nodes = self._allowed(node, settings, group)
        for one in found:
            upstream = self.graph.nodes.get(one.origin)
            if one.origin != INPUT_NODE and (upstream is None or not upstream.is_active):
                continue
            if not is_seed and (count[one.type] > 1 or settings.get("apply_to_unrepeated")):
                one.rule = int(_number(settings.get("repeated_type_rule")))
            one.priority, one.nodes, one.title, one.input = priority, nodes, title, name
            yield one

    def _own_outputs(self, node: LiveNode, settings: Settings) -> Iterator[tuple[object, _Value]]:
        silent = settings.get("output_not_broadcasting")
        raw, names = _items(node, "outputs"), self.layouts.output_names(node.type)
        for slot, kind in enumerate(node.output_types):
            item = raw[slot] if slot < len(raw) else {}
            name = names[slot] if slot < len(names) else as_text(item.get("name") or "")
            label = item.get("label")
            if node.graph is not None:
                port = node.graph.level.outputs[slot]
                name, label = port.name, port.label
            if not (isinstance(silent, Mapping) and silent.get(name)):
                yield kind, (node.node_id, slot, as_text(label or name))

    def _linked(self, node: LiveNode) -> Iterator[tuple[object, _Value]]:
        """What a sender's inputs are linked to, around bypassed nodes."""
        self._drop_inputs(node)
        labels = {} if _is_old(node) else _labels(node)
        for slot in sorted(node.links):
            if 0 <= slot < len(node.input_names):
                name, link = node.input_names[slot], self._around(node.links[slot])
                yield link.type, (link.origin, link.origin_slot, as_text(labels.get(name) or name))

    @staticmethod
    def _drop_inputs(node: LiveNode) -> None:
        """Drop spare inputs without a type, as the pack does. It adds those of old files in order, up to a free one."""
        types = dict(enumerate(node.input_types))
        untyped = {slot for slot, link in node.links.items() if link.type == "*" == types.get(slot)}
        if _is_old(node):
            slots = range(len(node.input_names))
            end = next((slot for slot in slots if slot not in node.links or slot in untyped), len(slots))
            node.input_names = [f"anything{slot + 11}" for slot in slots]
            dropped = {slot for slot in node.links if slot > end}
        else:
            first = 2 if node.type == PROMPTS else 0
            slots = range(first, len(node.input_names))
            spare = [slot for slot in slots if slot not in node.links or slot in untyped]
            dropped = untyped & set(spare[:-1])
        for slot in dropped:
            del node.links[slot]

    def _around(self, link: GraphLink) -> GraphLink:
        """The link that a link from a bypassed node continues; the link itself if there is none."""
        kind, found, seen = link.type, link, set[object]()
        while (node := self.graph.nodes.get(found.origin)) is not None and node.mode == BYPASS:
            types, slot = node.input_types, found.origin_slot
            if not (0 <= slot < len(types) and types[slot] == kind):
                slot = types.index(kind) if kind in types else -1
            if slot not in node.links or node.node_id in seen:
                return link
            seen.add(node.node_id)
            self.budget.spend(1)
            found = node.links[slot]
        return found

    def _pattern(self, settings: Settings, name: str) -> _Pattern | None:
        given = settings.get(f"{name}_regex")
        if not given or given == ".*":
            return None
        regex: Regex | UnsupportedRegex
        try:
            regex = Regex.parse(as_text(given))
        except InvalidRegex:
            return None  # the pack takes it for none
        except UnsupportedRegex as error:
            regex = error  # which matters only if something else fits
        return _Pattern(regex, bool(settings.get(f"{name}_regex_invert")), self.budget)

    def _allowed(self, sender: LiveNode, settings: Settings, group: _Pattern | None) -> frozenset[str] | None:
        """The nodes that restrictions by group and colour allow; None for all."""
        by_group, by_colour = (_number(settings.get(f"{name}_restricted")) for name in ("group", "color"))
        if group is None and not {by_group, by_colour} & {1, 2}:
            return None
        everything = frozenset(self.graph.nodes)
        found: frozenset[str] | None = None
        try:
            self.budget.spend(len(everything))
            if by_group in (1, 2):
                if self.graph.level.key:  # the editor knows where nodes are once their level was shown
                    raise _needs_editor(sender, "groups in a subgraph")
                mine = frozenset[str]().union(*(held for _, held in self._groups() if sender.node_id in held))
                found = mine if by_group == 1 else everything - mine
            if by_colour in (1, 2):
                # The pack looks for the sender in the level that is shown, which is the root.
                own = None if by_colour == 2 and self.graph.level.key else sender.raw.get("color")
                found = frozenset(
                    node_id
                    for node_id in (everything if found is None else found)
                    if (self.graph.nodes[node_id].raw.get("color") == own) is (by_colour == 1)
                )
            if group is not None:  # the pack compares with the groups of the root only
                groups = () if self.graph.level.key else self._groups()
                inside = frozenset[str]().union(*(held for title, held in groups if group.allows(title)))
                found = inside if found is None else inside & found
        except UnsupportedRegex as error:
            raise _needs_editor(sender, f"a regular expression: {error}") from error
        return found

    def _groups(self) -> list[tuple[str, frozenset[str]]]:
        """The root's groups: each with its title, and the nodes whose centre is in it."""
        if self.groups is None:
            self.groups = []
            given = self.source.get("groups")
            for item in given if isinstance(given, list) else ():
                area = _numbers(item.get("bounding"), 4) if isinstance(item, Mapping) else None
                if area is not None:
                    self.budget.spend(len(self.graph.nodes))
                    held = (node.node_id for node in self.graph.nodes.values() if _is_inside(node, area))
                    self.groups.append((as_text(item.get("title", "Group")), frozenset(held)))
        self.budget.spend(sum(len(held) for _, held in self.groups))
        return self.groups

    def _inputs(self) -> Iterator[_Input]:
        """The free inputs that take a value."""
        for node in self.graph.nodes.values():
            if _is_sender(node) or _properties(node).get("rejects_ue_links"):
                continue
            widgets, sockets = _receiving(node)
            labels = _labels(node)
            for slot, name in enumerate(node.input_names):
                has_widget = node.input_widgets[slot] is not None
                if slot in node.links or not (widgets.get(name) if has_widget else not sockets.get(name)):
                    continue
                label = labels.get(name)
                if node.graph is not None:
                    label = label or node.graph.level.inputs[slot].label
                shown = label or self.layouts.input_label(node.type, name)
                yield _Input(node, slot, as_text(node.input_types[slot]), as_text(label or name), as_text(shown))
        for slot, port in enumerate(self.graph.level.outputs):
            if not any(link_id in self.graph.links for link_id in port.link_ids):
                label = port.label or port.name
                yield _Input(None, slot, port.type, label, label)

    def _link(self, one: _Broadcast, into: _Input) -> None:
        origin = self.graph.nodes.get(one.origin)
        if origin is not None:
            types = origin.output_types
            if not (0 <= one.origin_slot < len(types) and can_connect(types[one.origin_slot], into.type)):
                return
        target = OUTPUT_NODE if into.node is None else into.node.node_id
        link = GraphLink(f"everywhere {target} {into.slot}", one.origin, one.origin_slot, target, into.slot, one.type)
        is_primitive = origin is not None and origin.type == PRIMITIVE and origin.layout is None
        if origin is not None and is_primitive and not feed(origin, into.node, into.slot):
            return
        self.graph.links[link.link_id] = link
        self.graph.by_origin.setdefault(link.origin, []).append(link)
        if into.node is None:
            self.graph.level.outputs[into.slot].link_ids = [link.link_id]
        else:
            into.node.links[into.slot] = link


def _is_sender(node: LiveNode) -> bool:
    return node.type in (PROMPTS, SEED) or node.type.startswith("Anything Everywhere")


def _properties(node: LiveNode) -> Settings:
    found = node.raw.get("properties")
    return found if isinstance(found, Mapping) else {}


def _own(node: LiveNode) -> Settings:
    found = _properties(node).get("ue_properties")
    return found if isinstance(found, Mapping) else {}


def _is_current(node: LiveNode) -> bool:
    """Whether it was saved by version 7 of the pack."""
    version = _own(node).get("version")
    return "." in version if isinstance(version, str) else bool(version)


def _is_old(node: LiveNode) -> bool:
    """Whether a sender was saved by an editor whose widgets had no sockets: the pack replaces its inputs."""
    known = (facts.get("widget_ue_connectable") for facts in (_own(node), _properties(node)))
    return not _own(node).get("version") and not any(isinstance(facts, Mapping) for facts in known)


def _settings_of(node: LiveNode) -> Settings:
    """A sender's settings as the pack opens them."""
    settings = dict(_own(node))
    if not _is_sender(node):
        return settings
    if not _is_current(node):
        values = node.raw.get("widgets_values")
        patterns = values if isinstance(values, list) else []
        settings = {name: _properties(node).get(name) for name in ("group_restricted", "color_restricted")}
        settings |= dict(zip(("title_regex", "input_regex", "group_regex"), patterns, strict=False))
    if node.type == SEED:
        settings["input_regex"] = settings.get("input_regex") or _SEED_INPUTS
    return {name: value for name, value in settings.items() if not (name.endswith("_regex") and value == ".*")}


def _receiving(node: LiveNode) -> tuple[Settings, Settings]:
    """Which widgets of a node take values, and which sockets do not."""
    own = _own(node)
    widgets, sockets = own.get("widget_ue_connectable"), own.get("input_ue_unconnectable")
    if not isinstance(widgets, Mapping):
        legacy = _properties(node).get("widget_ue_connectable")
        if isinstance(legacy, Mapping):
            widgets = {} if _is_current(node) else legacy
        else:  # saved without the pack: what had a socket in the file, at the top level
            names = (item.get("name") for item in _items(node, "inputs")) if not node.level.key else ()
            widgets = {name: True for name in names if isinstance(name, str)}
    return widgets, sockets if isinstance(sockets, Mapping) and _is_current(node) else {}


def _priority(node: LiveNode, settings: Settings, *, is_repeated: bool) -> float:
    """The priority of a sender that has none of its own: the more it is restricted, the higher."""
    patterns = (settings.get(f"{name}_regex") for name in _PATTERNS)
    is_restricted = any(isinstance(pattern, str) and pattern for pattern in patterns)
    by_group, by_colour = (_number(settings.get(f"{name}_restricted")) > 0 for name in ("group", "color"))
    return 10 + 10 * (node.type == PROMPTS) + 20 * (is_restricted or is_repeated) + 3 * by_group + 6 * by_colour


def _number(value: object) -> float:
    """A number, also if it was saved as text; 0 for anything else."""
    if isinstance(value, bool | int | float):
        return value if math.isfinite(value) else 0
    try:
        found = float(value) if isinstance(value, str) and len(value) < 30 else 0.0
    except ValueError:
        return 0
    return found if math.isfinite(found) else 0


def _items(node: LiveNode, row: str) -> list[dict[str, Any]]:
    found = node.raw.get(row)
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


def _labels(node: LiveNode) -> dict[str, object]:
    """The author's labels of a node's inputs, by name."""
    items = ((item.get("name"), item.get("label")) for item in _items(node, "inputs"))
    return {name: label for name, label in items if isinstance(name, str)}


def _numbers(given: object, count: int) -> list[float] | None:
    """A list of that many numbers; very old files have an object with their places."""
    if isinstance(given, Mapping):
        given = [given.get(str(place)) for place in range(count)]
    if not isinstance(given, list) or len(given) < count:
        return None
    found = [value for value in given[:count] if isinstance(value, int | float)]
    return found if len(found) == count else None


def _is_inside(node: LiveNode, area: list[float]) -> bool:
    """Whether a node's centre, its title included, is in an area."""
    place, size = _numbers(node.raw.get("pos"), 2), _numbers(node.raw.get("size"), 2)
    if place is None or size is None:
        raise _needs_editor(node, "a node without a place")
    title = 0 if node.type in _NO_TITLE else _TITLE_HEIGHT
    (left, top), (width, height) = place, size
    flags = node.raw.get("flags")
    if isinstance(flags, Mapping) and flags.get("collapsed"):
        # As wide as its title, which only the editor can measure.
        narrow, wide = min(width, 2 * _TITLE_HEIGHT), min(width, 2 * _TITLE_HEIGHT + 15 * len(node.title))
        found = {_holds(area, left + across / 2, top - title / 2) for across in (narrow, wide)}
        if len(found) > 1:
            raise _needs_editor(node, "a collapsed node at the edge of a group")
        return found.pop()
    return _holds(area, left + width / 2, top - title + (height + title) / 2)


def _holds(area: list[float], x: float, y: float) -> bool:
    left, top, width, height = area
    return left <= x < left + width and top <= y < top + height


def _needs_editor(node: LiveNode, detail: str) -> CannotConvert:
    return refuse(Problem(Reason.NEEDS_EDITOR, node.node_id, node.type, node.title, detail))
