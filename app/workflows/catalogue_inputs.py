"""One input of a node class, as `/object_info` describes it and as the ComfyUI editor understands it.

A server gives `[type, options]`; the type of a choice is either the list of choices itself or `"COMBO"` with
`options.options`. Everything is parsed on demand: of a large catalogue only a few classes are ever used.
The four `COMFY_…_V3` types are inputs that hold other inputs; `InputSpec.dynamic` says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wire.file_inputs import CAPTURE_TYPES, UPLOADS

COMBO = "COMBO"
UNKNOWN = "UNKNOWN"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
MATCH_TYPE = "COMFY_MATCHTYPE_V3"
DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"

# The types for which the editor (1.58) or one of its own extensions draws a widget.
WIDGET_TYPES = frozenset(
    {
        "INT", "FLOAT", "BOOLEAN", "STRING", "MARKDOWN", COMBO, "IMAGEUPLOAD", "COLOR", "IMAGECOMPARE", "BOUNDING_BOX",
        "CHART", "GALLERIA", "PAINTER", "COMPOSITOR", "TEXTAREA", "CURVE", "RANGE", "VIDEO_EDIT", "RESOLUTION_PREVIEW",
        "BOUNDING_BOXES", "LIGHT_INFO_PREVIEW", "COLORS", DYNAMIC_COMBO, DYNAMIC_GROUP,
    }
)  # fmt: skip
SEED_NAMES = frozenset({"seed", "noise_seed"})
CONTROLS = ("fixed", "increment", "decrement", "randomize")
MOST_GROWN = 100  # the editor's own bound on an input that grows
MOST_ROWS = 20  # and on the rows of a group


@dataclass(frozen=True, slots=True)
class DynamicCombo:
    """A choice that brings its own inputs: for each key, those that it shows while it is chosen."""

    choices: Mapping[str, tuple[InputSpec, ...]]


@dataclass(frozen=True, slots=True)
class Autogrow:
    """A list of sockets that grows: `inputs` are repeated, named by `names` or by `prefix` and a number from 0."""

    inputs: tuple[InputSpec, ...]
    names: tuple[str, ...] | None
    prefix: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class MatchType:
    """A socket whose type follows what is connected to the others of the same template."""

    template: str
    allowed_types: str


@dataclass(frozen=True, slots=True)
class DynamicGroup:
    """Rows of widgets that the user adds and removes."""

    inputs: tuple[InputSpec, ...]
    least: int
    most: int


Dynamic = DynamicCombo | Autogrow | MatchType | DynamicGroup


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: a widget, a socket, or both.

    `type` is `"COMBO"` for both formats of a choice, whose `options` are then its choices (empty where they come from a
    `remote_route`); `options` is None for everything else. `raw` are the server's other facts about it.
    """

    name: str
    type: str
    is_required: bool
    options: tuple[object, ...] | None
    raw: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its label: the node's own, else its name."""
        return self._text("display_name") or self.name

    @property
    def tooltip(self) -> str:
        """The tooltip by the node's author."""
        return self._text("tooltip")

    @property
    def widget_type(self) -> str:
        """The type that decides how the editor draws it."""
        return self._text("widgetType") or self.type

    @property
    def is_widget(self) -> bool:
        """Whether the editor shows a widget for it (and a socket with the widget)."""
        return self.widget_type in WIDGET_TYPES and not self.is_forced_input

    @property
    def has_field(self) -> bool:
        """Whether a form has a field for it even where the workflow has neither a value nor a link."""
        return self.is_widget or self.is_capture

    @property
    def is_capture(self) -> bool:
        """Whether its value is a file that the page uploads; seven classes have a 3D view that takes no pictures."""
        return self.type in CAPTURE_TYPES and (self.type != "LOAD_3D" or self.name == "image")

    @property
    def is_forced_input(self) -> bool:
        """Whether it is a socket only, whatever its type."""
        return bool(self.raw.get("forceInput"))

    @property
    def is_hidden(self) -> bool:
        """Whether the editor does not show it."""
        return bool(self.raw.get("hidden"))

    @property
    def is_advanced(self) -> bool:
        """Whether the node's author marks it as advanced."""
        return bool(self.raw.get("advanced"))

    @property
    def default(self) -> object:
        """Its value in a new node of the editor; None if it has none of its own."""
        given: object = self.raw.get("default")
        match self.type:
            case "INT" | "FLOAT":
                return 0 if given is None else given
            case "BOOLEAN":
                return False if given is None else given
            case "STRING":
                return "" if given is None else given
            case "COMBO":
                return given or (self.options[0] if self.options else None)
        return given

    @property
    def minimum(self) -> int | float | None:
        """The lowest number allowed, or None."""
        return self._number("min")

    @property
    def maximum(self) -> int | float | None:
        """The highest number allowed, an integer up to 64 bits, or None."""
        return self._number("max")

    @property
    def step(self) -> int | float | None:
        """The step of a number, or None."""
        return self._number("step")

    @property
    def round(self) -> int | float | None:
        """The unit to which a number is rounded, or None if it is not."""
        return self._number("round")

    @property
    def display(self) -> str:
        """The control for a number: number, slider, knob, color, gradientslider, or empty."""
        return self._text("display")

    @property
    def is_multiline(self) -> bool:
        """Whether a text may have several lines."""
        return bool(self.raw.get("multiline"))

    @property
    def has_dynamic_prompts(self) -> bool:
        """Whether the editor replaces `{a|b}` in the text by one of the parts when it queues."""
        return bool(self.raw.get("dynamicPrompts"))

    @property
    def placeholder(self) -> str:
        """What an empty text field shows."""
        return self._text("placeholder")

    @property
    def label_on(self) -> str:
        """The label for true, or empty."""
        return self._text("label_on")

    @property
    def label_off(self) -> str:
        """The label for false, or empty."""
        return self._text("label_off")

    @property
    def control_after_generate(self) -> str:
        """The initial mode of the widget that changes this one after each run: fixed, randomize …; empty for none."""
        given = self.raw.get("control_after_generate")
        if given is None:
            given = self.type == "INT" and self.name in SEED_NAMES
        if not given or self.type not in ("INT", "FLOAT", COMBO):
            return ""
        if self.type == "FLOAT" or (self.type == COMBO and self.is_multi_select):
            return given if self.type == COMBO and given in CONTROLS else "fixed"
        return given if given in CONTROLS else "randomize"

    @property
    def is_multi_select(self) -> bool:
        """Whether several choices can be taken."""
        return bool(self.raw.get("multi_select"))

    @property
    def is_new_choice(self) -> bool:
        """Whether it is a choice in the newer form, which older servers do not check."""
        return self.type == COMBO and isinstance(self.raw.get("options"), list)

    @property
    def upload(self) -> str:
        """What may be uploaded for it: image, video, audio, mesh, file, or empty for nothing."""
        return next((kind for key, kind in UPLOADS.items() if self.raw.get(key) is True), "")

    @property
    def upload_folder(self) -> str:
        """The folder of its uploads and choices: input, output or temp."""
        return self._text("image_folder") or "input"

    @property
    def remote_route(self) -> str:
        """The server's route that lists the choices, or empty."""
        remote = self.raw.get("remote")
        route = remote.get("route") if isinstance(remote, Mapping) else None
        return route if isinstance(route, str) else ""

    @property
    def is_dynamic(self) -> bool:
        """Whether it contains or matches other inputs."""
        return self.type in (DYNAMIC_COMBO, AUTOGROW, MATCH_TYPE, DYNAMIC_GROUP)

    @property
    def dynamic(self) -> Dynamic | None:
        """The inputs that it contains; None for a plain input, and for a dynamic one that is invalid."""
        template = self.raw.get("template")
        within = template if isinstance(template, Mapping) else {}
        match self.type:
            case "COMFY_DYNAMICCOMBO_V3":
                return DynamicCombo(dict(_choices(self.raw.get("options"))))
            case "COMFY_AUTOGROW_V3":
                return _autogrow(within)
            case "COMFY_MATCHTYPE_V3":
                template_id, allowed = within.get("template_id"), within.get("allowed_types")
                if isinstance(template_id, str) and isinstance(allowed, str):
                    return MatchType(template_id, allowed)
            case "COMFY_DYNAMICGROUP_V3":
                return DynamicGroup(
                    read_inputs(within),
                    _count(self.raw.get("min"), 0, MOST_ROWS),
                    _count(self.raw.get("max"), MOST_ROWS, MOST_ROWS),
                )
        return None

    def _text(self, key: str) -> str:
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""

    def _number(self, key: str) -> int | float | None:
        value = self.raw.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_input(name: str, given: object, *, is_required: bool) -> InputSpec:
    """Parse `[type, options]`; without a valid type it is `UNKNOWN`."""
    kind = given[0] if isinstance(given, list | tuple) and given else given
    raw = given[1] if isinstance(given, list | tuple) and len(given) > 1 else None
    options = raw if isinstance(raw, Mapping) else {}
    if isinstance(kind, list | tuple):
        return InputSpec(name, COMBO, is_required, tuple(kind), options)
    if kind == COMBO:
        choices = options.get("options")
        return InputSpec(name, COMBO, is_required, tuple(choices) if isinstance(choices, list) else (), options)
    return InputSpec(name, kind if isinstance(kind, str) else UNKNOWN, is_required, None, options)


def read_inputs(groups: object, order: object = None) -> tuple[InputSpec, ...]:
    """Parse `{"required": {…}, "optional": {…}}` in the editor's order: by `input_order`, then the rest."""
    if not isinstance(groups, Mapping):
        return ()
    found: dict[str, InputSpec] = {}
    for group in ("required", "optional"):
        members = groups.get(group)
        for name, given in members.items() if isinstance(members, Mapping) else ():
            found[name] = read_input(name, given, is_required=group == "required")
    if not isinstance(order, Mapping):
        return tuple(found.values())
    ordered: dict[str, InputSpec] = {}
    for group in ("required", "optional"):
        names = order.get(group)
        for name in names if isinstance(names, list) else ():
            spec = found.get(name) if isinstance(name, str) else None
            if spec is not None and spec.is_required == (group == "required"):
                ordered[name] = spec
    return tuple((ordered | {name: spec for name, spec in found.items() if name not in ordered}).values())


def _choices(given: object) -> Iterator[tuple[str, tuple[InputSpec, ...]]]:
    for option in given if isinstance(given, list) else ():
        if isinstance(option, Mapping) and isinstance(option.get("key"), str):
            yield option["key"], read_inputs(option.get("inputs"))


def _autogrow(template: Mapping[str, Any]) -> Autogrow | None:
    inputs = read_inputs(template.get("input"))
    if not inputs:
        return None
    given = template.get("names")
    names = tuple(str(name) for name in given) if isinstance(given, list) and given else None
    prefix = template.get("prefix")
    return Autogrow(
        inputs,
        names,
        prefix if isinstance(prefix, str) else "",
        _count(template.get("min"), 1, MOST_GROWN),
        len(names) if names else _count(template.get("max"), MOST_GROWN, MOST_GROWN),
    )


def _count(given: object, fallback: int, most: int) -> int:
    is_count = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    return min(given, most) if is_count and isinstance(given, int) else fallback
