"""The editor's layout of a node: its sockets in order, its widgets, and which saved value belongs to which.

Most classes have one layout for all their nodes, computed once. Those with dynamic inputs have one for each node,
since a choice brings other inputs and a list of sockets grows with its connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.workflows.catalogue import Catalogue, NodeClass
from app.workflows.catalogue_inputs import (
    DYNAMIC_GROUP,
    Autogrow,
    DynamicCombo,
    DynamicGroup,
    InputSpec,
    MatchType,
    read_input,
)
from app.workflows.editor.widgets import (
    POWER_LORA,
    SOCKETS_ONLY,
    Style,
    Widget,
    class_widgets,
    editor_inputs,
    has_socket,
    has_widget,
    lora_rows,
    widgets_of,
)
from app.workflows.graph import CUSTOM_COMBO

_MOST_NESTED = 20  # dynamic inputs in each other


@dataclass(frozen=True, slots=True)
class EditorLayout:
    """A node's sockets (name, type, the widget behind it), outputs and widgets, and the places of the values."""

    title: str
    input_names: tuple[str, ...]
    input_types: tuple[str, ...]
    input_widgets: tuple[str | None, ...]
    output_types: tuple[str, ...]
    widgets: tuple[Widget, ...]
    slots: Mapping[str, int]
    saved: tuple[int, ...]
    sent: tuple[tuple[int, str], ...]
    converted: tuple[int, ...]  # the widgets that convert their saved value
    processed: frozenset[int]  # and those whose value is converted when it is sent
    flags: tuple[bool, ...]  # the values of old files to leave out: those of inputs that are sockets only
    unsaved: frozenset[int]
    keeps_values: bool
    leftovers: tuple[str, ...] = ()  # sockets with these prefixes belong to a choice that is not taken
    widget_of: Mapping[str, int] = field(default_factory=dict)


class Layouts:
    """The layouts of one catalogue's classes, computed on demand."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: dict[str, EditorLayout] = {}
        self._dynamic: dict[str, tuple[NodeClass, tuple[InputSpec, ...]]] = {}

    def of(self, class_type: str, values: Sequence[object], linked: Sequence[str]) -> EditorLayout | None:
        """The layout of a node; None if its class is unknown. `linked` are the names of its connected inputs."""
        made = self._made.get(class_type) or self._make(class_type)
        if made is None:
            return None  # not cached, because classes may be added to a catalogue
        self._made[class_type] = made
        dynamic = self._dynamic.get(class_type)
        if dynamic is None:
            return made
        node_class, specs = dynamic
        return _Unfolding(class_type, values, linked).layout(node_class, specs)

    def output_names(self, class_type: str) -> list[str]:
        """The names of a class's outputs; none if it is unknown."""
        node_class = self._catalogue.get(class_type)
        return [] if node_class is None else [output.name for output in node_class.outputs]

    def input_label(self, class_type: str, name: str) -> str:
        """What the editor shows for an input: the class's own label, or its name."""
        node_class = self._catalogue.get(class_type)
        spec = None if node_class is None else node_class.input(name)
        return name if spec is None else spec.label

    def why_none(self, class_type: str) -> str:
        """What is invalid in the server's description of a class; empty if it has none."""
        return self._catalogue.why_unreadable(class_type)

    def _make(self, class_type: str) -> EditorLayout | None:
        node_class = self._catalogue.get(class_type)
        if node_class is None:
            return None
        specs = editor_inputs(node_class)
        if class_type in (CUSTOM_COMBO, POWER_LORA) or any(spec.is_dynamic for spec in specs):
            self._dynamic[class_type] = (node_class, specs)
        return _Unfolding(class_type, (), ()).layout(node_class, specs)


def migrate_values(values: Sequence[object], layout: EditorLayout) -> Sequence[object]:
    """The saved values of an older editor, without those of inputs that have become sockets only."""
    if layout.keeps_values or (len(values) == len(layout.saved) and True not in layout.flags):
        return values
    compact = [value for index, value in enumerate(values) if index not in layout.unsaved]
    aligned = compact if len(compact) == len(layout.flags) else values if len(values) == len(layout.flags) else None
    if aligned is None:
        return values
    return [value for value, is_left_out in zip(aligned, layout.flags, strict=True) if not is_left_out]


class _Unfolding:
    """Computes the sockets and widgets of one node; choices come from the saved values."""

    def __init__(self, class_type: str, values: Sequence[object], linked: Sequence[str]) -> None:
        self.class_type = class_type
        self.values = values
        self.linked = linked
        self.position = 0
        self.names: list[str] = []
        self.types: list[str] = []
        self.socket_widgets: list[str | None] = []
        self.widgets: list[Widget] = []
        self.grown: list[tuple[InputSpec, bool]] = []
        self.leftovers: list[str] = []

    def layout(self, node_class: NodeClass, specs: Sequence[InputSpec]) -> EditorLayout:
        """The whole layout: plain sockets first, then the widgets with theirs, then grown ones."""
        for spec in specs:
            if not has_widget(spec):
                self._socket(spec, 0)
        for spec in specs:
            if has_widget(spec):
                self._widget(spec, 0)
        for spec, is_bare in self.grown:
            self._member(spec, is_bare, 0)
        for widget in class_widgets(self.class_type):
            self._add(widget)
        if self.class_type == CUSTOM_COMBO:
            self._own_options()
        elif self.class_type == POWER_LORA:
            for widget in lora_rows(self.values):
                self._add(widget)
        return self._done(node_class, specs)

    def _socket(self, spec: InputSpec, depth: int) -> None:
        match spec.dynamic:
            case Autogrow() as grow:
                self._grow(spec.name, grow, depth)
            case MatchType() as match:
                self._add_input(replace(spec, type=match.allowed_types), depth)
            case _:
                kind = "*" if spec.type in SOCKETS_ONLY else spec.type
                self._slot(spec.name, kind, None)

    def _widget(self, spec: InputSpec, depth: int) -> None:
        dynamic = spec.dynamic
        if isinstance(dynamic, DynamicGroup):
            self._rows(spec, dynamic, depth)
            return
        for widget in widgets_of(spec, self.class_type):
            value = self._add(widget)
            if isinstance(dynamic, DynamicCombo):
                self._chosen(spec.name, dynamic, value, depth)
        if has_socket(spec):
            self._slot(spec.name, spec.type, spec.name)

    def _add_input(self, spec: InputSpec, depth: int) -> None:
        """An input that another one brings: a widget where its type has one, else a socket."""
        if depth > _MOST_NESTED:
            return
        if has_widget(spec):
            self._widget(spec, depth + 1)
        else:
            self._socket(spec, depth + 1)

    def _chosen(self, name: str, combo: DynamicCombo, value: object, depth: int) -> None:
        self.leftovers.append(f"{name}.")
        for spec in combo.choices.get(value, ()) if isinstance(value, str) else ():
            self._add_input(replace(spec, name=f"{name}.{spec.name}"), depth)

    def _grow(self, name: str, grow: Autogrow, depth: int) -> None:
        first = max(1, grow.least + 1)
        for ordinal in range(min(first, grow.most)):
            for spec in _members(name, grow, ordinal):
                self._member(spec, len(grow.inputs) > 1, depth)
        reached = first
        for ordinal in range(grow.most):
            if any(spec.name in self.linked for spec in _members(name, grow, ordinal)):
                reached = max(reached, ordinal + 2)
        for ordinal in range(first, min(reached, grow.most)):
            self.grown += [(spec, len(grow.inputs) > 1) for spec in _members(name, grow, ordinal)]

    def _member(self, spec: InputSpec, is_one_of_many: bool, depth: int) -> None:
        before = len(self.names)
        self._add_input(spec, depth)
        if is_one_of_many and len(self.names) == before + 1 and self.socket_widgets[-1] is None:
            self._add(Widget(spec.name, is_saved=False))
            self.socket_widgets[-1] = spec.name

    def _rows(self, spec: InputSpec, group: DynamicGroup, depth: int) -> None:
        count = self._add(Widget(spec.name, group.least, is_sent=False))
        self._add(Widget(f"{spec.name}.$notice", is_saved=False, is_sent=False))
        most = max(group.most, len(self.values))
        is_number = isinstance(count, int | float) and not isinstance(count, bool)
        rows = max(group.least, min(int(count), most)) if is_number and isinstance(count, int | float) else group.least
        for row in range(rows):
            self._add(Widget(f"{spec.name}.{row}", is_saved=False, is_sent=False))
            for member in group.inputs:
                self._add_input(replace(member, name=f"{spec.name}.{row}.{member.name}"), depth)
        self._add(Widget(f"{spec.name}.$add", is_saved=False, is_sent=False))

    def _own_options(self) -> None:
        self._add(Widget("index", -1, style=Style.CHOICE_INDEX))
        for number in range(1, len(self.values) + 2):
            name = f"option{number}"
            if not self._add(Widget(name, "", spec=read_input(name, ["STRING"], is_required=False))):
                return

    def _slot(self, name: str, kind: str, widget: str | None) -> None:
        self.names.append(name)
        self.types.append(kind)
        self.socket_widgets.append(widget)

    def _add(self, widget: Widget) -> object:
        """Add a widget, and return its saved value."""
        self.widgets.append(widget)
        if not widget.is_saved:
            return widget.default
        self.position += 1
        return self.values[self.position - 1] if self.position <= len(self.values) else widget.default

    def _done(self, node_class: NodeClass, specs: Sequence[InputSpec]) -> EditorLayout:
        widgets = tuple(self.widgets)
        own = {widget.name: widget for widget in widgets}
        slots: dict[str, int] = {}
        for index, name in enumerate(self.names):
            slots.setdefault(name, index)
        places: dict[str, int] = {}
        for index, widget in enumerate(widgets):
            places.setdefault(widget.name, index)
        return EditorLayout(
            title=node_class.display_name,
            input_names=tuple(self.names),
            input_types=tuple(self.types),
            input_widgets=tuple(self.socket_widgets),
            output_types=tuple("*" if out.type == "COMFY_MATCHTYPE_V3" else out.type for out in node_class.outputs),
            widgets=widgets,
            slots=slots,
            saved=tuple(index for index, widget in enumerate(widgets) if widget.is_saved),
            sent=tuple((index, widget.name) for index, widget in enumerate(widgets) if widget.is_sent and widget.name),
            converted=tuple(i for i, widget in enumerate(widgets) if widget.style is Style.AREA or widget.options),
            processed=frozenset(i for i, widget in enumerate(widgets) if _is_processed(widget)),
            flags=tuple(_flags(node_class, specs, own)),
            unsaved=frozenset(index for index, widget in enumerate(widgets) if not widget.is_saved),
            keeps_values=any(spec.type == DYNAMIC_GROUP for spec in specs),
            leftovers=tuple(self.leftovers),
            widget_of=places,
        )


def _is_processed(widget: Widget) -> bool:
    return widget.has_choices or widget.style not in (Style.PLAIN, Style.AREA)


def _members(name: str, grow: Autogrow, ordinal: int) -> Iterator[InputSpec]:
    for spec in grow.inputs:
        if grow.names is not None:
            base = grow.names[ordinal] if ordinal < len(grow.names) else ""
        else:
            base = f"{grow.prefix if len(grow.inputs) == 1 else spec.name}{ordinal}"
        yield replace(spec, name=f"{name}.{base}", is_required=spec.is_required and ordinal < grow.least)


def _flags(node_class: NodeClass, specs: Sequence[InputSpec], widgets: Mapping[str, Widget]) -> Iterator[bool]:
    """For each value that an older editor saved for this class, whether its input is now a socket only."""
    given = node_class.raw.get("input")
    order: dict[str, int] = {}
    for group in ("required", "optional"):
        members = given.get(group) if isinstance(given, Mapping) else None
        for name in members if isinstance(members, Mapping) else ():
            order.setdefault(name, len(order))
        if group == "required":
            for spec in specs:
                if spec.is_required:
                    order.setdefault(spec.name, len(order))
    for spec in sorted(specs, key=lambda spec: order.get(spec.name, len(order))):
        widget = widgets.get(spec.name)
        if (widget is None and not spec.is_forced_input) or (widget is not None and not widget.is_saved):
            continue
        yield spec.is_forced_input
        if spec.raw.get("control_after_generate"):
            yield False
