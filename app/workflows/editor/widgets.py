"""The widgets of a node class, as the editor lays them out: which it saves in `widgets_values`, and which it sends.

The two are not the same. The mode of a seed and the upload button are saved but not sent; a player for sound is
neither; a remote list's refresh button is both. `widgets_values` is a bare list, so every saved
widget counts. All of this was observed in the editor itself (1.58), and `tests/oracle` compares it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from app.workflows.catalogue import NodeClass
from app.workflows.catalogue_inputs import (
    AUTOGROW,
    COMBO,
    CONTROLS,
    DYNAMIC_COMBO,
    DYNAMIC_GROUP,
    InputSpec,
    read_input,
)
from app.workflows.editor.values import MISSING


class Style(Enum):
    """How a widget's value is converted between the file and what is sent."""

    PLAIN = "plain"
    AREA = "area"  # any value becomes text
    FILE_NAME = "file_name"  # patterns are filled in
    CURVE = "curve"  # sent in a wrapper of its own
    BRANCHES = "branches"  # the names of the node's connected branches
    CHOICE_INDEX = "choice_index"  # which of the node's own options its choice is
    LORA = "lora"  # a row of a LoRA, with one strength or two
    VIEW = "view"  # of a 3D scene: the camera


@dataclass(frozen=True, slots=True)
class Widget:
    """One widget; `default` is MISSING where a new one has no value, `spec` is its input."""

    name: str
    default: object = MISSING
    is_saved: bool = True
    is_sent: bool = True
    style: Style = Style.PLAIN
    has_choices: bool = False  # {a|b} is resolved when it is sent
    options: tuple[object, ...] = ()  # of a choice: replacements of null
    controls: str = ""  # the widget that this one changes after each run
    spec: InputSpec | None = None

    @property
    def is_value(self) -> bool:
        """Whether the user sets it."""
        return self.is_sent and self.spec is not None


SAVE_CLASSES = frozenset(
    {
        "SaveImage", "SaveImageAdvanced", "SaveSVGNode", "SaveVideo", "SaveAnimatedWEBP", "SaveWEBM", "SaveAudio",
        "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced", "SaveGLB", "Save3DAdvanced", "SaveGaussianSplat",
        "SavePointCloud", "SaveAnimatedPNG", "CLIPSave", "VAESave", "ModelSave", "LoraSave", "SaveLatent",
    }
)  # fmt: skip
_AUDIO_PLAYERS = frozenset(
    {"LoadAudio", "SaveAudio", "PreviewAudio", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced"}
)
_TEXT_PREVIEWS = frozenset({"PreviewAny", "SaveText"})
POWER_LORA = "Power Lora Loader (rgthree)"  # a row for each LoRA, made by its own script
# Types that the editor's extensions draw, in addition to `catalogue_inputs.WIDGET_TYPES`.
_MORE_TYPES = frozenset(
    {
        "AUDIO_UI", "AUDIOUPLOAD", "AUDIO_RECORD", "WEBCAM", "LOAD_3D", "LOAD_3D_ADVANCED", "PREVIEW_3D",
        "COMFY_BRANCH_INPUT_NAMES", "COMFY_BRANCH_SELECTOR",
    }
)  # fmt: skip
_NO_SOCKET = frozenset({"COMFY_BRANCH_INPUT_NAMES"})
_DEFAULTS: dict[str, object] = {
    "COLOR": "#000000",
    "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
    "CHART": {},
    "GALLERIA": [],
    "COMPOSITOR": {},
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "RANGE": {"min": 0, "max": 1},
    "VIDEO_EDIT": {"trim": {"start_time": 0, "duration": 0}, "crop": {"x": 0, "y": 0, "width": 0, "height": 0}},
    "BOUNDING_BOXES": [],
    "LIGHT_INFO_PREVIEW": [],
    "COLORS": [],
    "TEXTAREA": "",
}
_BUTTONS_3D = {
    "upload 3d model": "upload3dmodel",
    "upload extra resources": "uploadExtraResources",
    "clear": "clear",
}


def first_view() -> dict[str, object]:
    """A 3D scene as the editor shows it first: its camera, and no pictures of it."""
    turn = {"x": -0.2798481423331213, "y": 0.3647051996310008, "z": 0.11591689595929511, "w": 0.8804762392171493}
    camera = {
        "position": {"x": 10, "y": 10, "z": 10.000000000000002},
        "target": {"x": 0, "y": 0, "z": 0},
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": turn,
        "fov": 35,
        "aspect": 1,
        "near": 0.01,
        "far": 10000,
        "frustum": {"left": -5, "right": 5, "top": 5, "bottom": -5},
    }
    return {"image": "", "mask": "", "normal": "", "camera_info": camera, "recording": "", "model_3d_info": []}


def has_widget(spec: InputSpec) -> bool:
    """Whether the editor or one of its extensions draws a widget for an input."""
    return spec.is_widget or (spec.widget_type in _MORE_TYPES and not spec.is_forced_input)


def has_socket(spec: InputSpec) -> bool:
    """Whether an input with a widget can be connected as well; `socketless` alone does not stop the editor."""
    return spec.widget_type not in _NO_SOCKET and spec.type != DYNAMIC_GROUP


def editor_inputs(node_class: NodeClass) -> tuple[InputSpec, ...]:
    """The inputs of a class with those that the editor adds: an upload button, a player, a 3D view."""
    added = {spec.name: spec for spec in _added(node_class)}
    specs = [_with_default_input(added.pop(spec.name, spec)) for spec in node_class.inputs]
    if node_class.name == "Load3DAdvanced":
        specs = [replace(spec, type="LOAD_3D_ADVANCED") if spec.type == "LOAD_3D" else spec for spec in specs]
    if not isinstance(node_class.raw.get("input_order"), Mapping):
        # Without an order they follow the required ones, which they are among.
        at = next((index for index, spec in enumerate(specs) if not spec.is_required), len(specs))
        return (*specs[:at], *added.values(), *specs[at:])
    return (*specs, *added.values())


def _with_default_input(spec: InputSpec) -> InputSpec:
    """An optional input with `defaultInput` is a socket only; the editor no longer has both."""
    if spec.is_required or not spec.raw.get("defaultInput"):
        return spec
    return replace(spec, raw={**spec.raw, "forceInput": True})


def _added(node_class: NodeClass) -> Iterator[InputSpec]:
    given = node_class.raw.get("input")
    required = given.get("required") if isinstance(given, Mapping) else None
    names = list(required) if isinstance(required, Mapping) else []
    specs = [spec for name in names if (spec := node_class.input(name)) is not None and spec.is_required]
    if node_class.name in _AUDIO_PLAYERS:
        yield read_input("audioUI", ["AUDIO_UI", {}], is_required=True)
    uploads = ("image_upload", "video_upload", "animated_image_upload")
    if required is not None and any(
        spec.type == COMBO and any(spec.raw.get(kind) is True for kind in uploads) for spec in specs
    ):
        yield read_input("upload", ["IMAGEUPLOAD", {}], is_required=True)
    if any(spec.name == "audio" and spec.raw.get("audio_upload") is True for spec in specs):
        yield read_input("upload", ["AUDIOUPLOAD", {}], is_required=True)
    if node_class.name in ("SaveGLB", "Preview3D"):
        yield read_input("image", ["PREVIEW_3D"], is_required=True)


def class_widgets(class_type: str) -> tuple[Widget, ...]:
    """The widgets that a class has besides those of its inputs."""
    if class_type in _TEXT_PREVIEWS:
        return (
            Widget("preview_text", "", is_saved=False, is_sent=False),
            Widget("preview_mode", False, is_saved=False, is_sent=False),
        )
    if class_type == "WebcamCapture":
        return (Widget("waiting for camera...", "capture", is_sent=False),)
    return ()


def lora_rows(values: Iterable[object]) -> Iterator[Widget]:
    """The widgets of a Power Lora Loader, recognised by its saved values."""
    number = 0
    for value in values:
        if isinstance(value, dict) and "lora" in value:
            number += 1
            yield Widget(f"lora_{number}", style=Style.LORA)
        elif isinstance(value, dict) and "type" in value:
            yield Widget(str(value["type"]))
        else:
            yield Widget("\N{HEAVY PLUS SIGN} Add Lora", "", is_sent=isinstance(value, str))


def widgets_of(spec: InputSpec, class_type: str) -> Iterator[Widget]:
    """The widgets of one input, in order; those of dynamic inputs without the ones that they bring."""
    builder = _BUILDERS.get(spec.widget_type, _other)
    yield from builder(spec, class_type)


def _number(spec: InputSpec, _: str) -> Iterator[Widget]:
    given = spec.raw.get("default")
    yield Widget(spec.name, 0 if given is None else given, spec=spec)
    yield from _control(spec, has_filter=False)


def _boolean(spec: InputSpec, _: str) -> Iterator[Widget]:
    given = spec.raw.get("default")
    yield Widget(spec.name, False if given is None else given, spec=spec)


def _string(spec: InputSpec, class_type: str) -> Iterator[Widget]:
    given = spec.raw.get("default")
    is_file = class_type in SAVE_CLASSES and spec.name == "filename_prefix"
    style = Style.FILE_NAME if is_file else Style.AREA if spec.is_multiline else Style.PLAIN
    yield Widget(
        spec.name, "" if given is None else given, style=style, has_choices=spec.has_dynamic_prompts, spec=spec
    )


def _markdown(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, spec.raw.get("default") or "", style=Style.AREA, spec=spec)


def _combo(spec: InputSpec, _: str) -> Iterator[Widget]:
    if spec.is_multi_select:
        yield Widget(spec.name, [], spec=spec)
        yield from _control(spec, has_filter=False)
        return
    options = spec.options or ()
    remote = spec.raw.get("remote")
    default = spec.raw.get("default") or (options[0] if options else "Loading..." if remote else MISSING)
    yield Widget(spec.name, default, options=options, spec=spec)
    if remote:
        yield Widget("Auto-refresh after generation", False, is_sent=False)
        if isinstance(remote, Mapping) and remote.get("refresh_button"):
            yield Widget("refresh", "refresh")
    yield from _control(spec, has_filter=True)


def _control(spec: InputSpec, *, has_filter: bool) -> Iterator[Widget]:
    mode = spec.control_after_generate
    if not mode:
        return
    given, prefix = spec.raw.get("control_after_generate"), spec.raw.get("control_prefix")
    name = f"{prefix} control_after_generate" if prefix else "control_after_generate"
    if isinstance(given, str) and given.strip() and given not in (*CONTROLS, "increment-wrap"):
        name = given
    yield Widget(name, mode, is_sent=False, controls=spec.name)
    if has_filter:
        yield Widget(f"{prefix} control_filter_list" if prefix else "control_filter_list", "", is_sent=False)


def _upload(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, "image" if spec.type == "IMAGEUPLOAD" else "", is_sent=False)


def _player(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, "", is_saved=False, is_sent=False)


def _recorder(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, "", spec=spec)
    yield Widget(spec.name, "", is_sent=False)


def _camera(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, "", spec=spec)


def _view_3d(spec: InputSpec, class_type: str) -> Iterator[Widget]:
    if class_type == "Load3D":
        for name, value in _BUTTONS_3D.items():
            yield Widget(name, value)
        yield Widget(spec.name, "", spec=spec)  # pictures of the scene
    else:
        yield Widget(spec.name, "", style=Style.VIEW)


def _preview_3d(_: InputSpec, __: str) -> Iterator[Widget]:
    yield Widget("image", "")


def _box(spec: InputSpec, _: str) -> Iterator[Widget]:
    default = spec.raw.get("default")
    corners = default if isinstance(default, dict) else _DEFAULTS["BOUNDING_BOX"]
    yield Widget(spec.name, corners, spec=spec)
    for name, fallback in (("x", 0), ("y", 0), ("width", 512), ("height", 512)):
        yield Widget(name, corners.get(name, fallback) if isinstance(corners, dict) else fallback, is_sent=False)


def _compared(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, ["", ""], is_saved=False)


def _branches(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, [], style=Style.BRANCHES)


def _branch(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, "", spec=spec)


def _shown_only(spec: InputSpec, _: str) -> Iterator[Widget]:
    yield Widget(spec.name, None, is_saved=False, is_sent=False)


def _dynamic_combo(spec: InputSpec, _: str) -> Iterator[Widget]:
    options = spec.raw.get("options")
    keys = tuple(item.get("key") for item in options if isinstance(item, Mapping)) if isinstance(options, list) else ()
    yield Widget(spec.name, keys[0] if keys else MISSING, options=keys, spec=spec)


def _other(spec: InputSpec, _: str) -> Iterator[Widget]:
    given = spec.raw.get("default")
    default: Any = _DEFAULTS.get(spec.widget_type, MISSING) if given is None else given
    style = Style.CURVE if spec.widget_type == "CURVE" else Style.PLAIN
    yield Widget(spec.name, default, style=style, spec=spec)


_BUILDERS: dict[str, Callable[[InputSpec, str], Iterator[Widget]]] = {
    "INT": _number,
    "FLOAT": _number,
    "BOOLEAN": _boolean,
    "STRING": _string,
    "MARKDOWN": _markdown,
    COMBO: _combo,
    "IMAGEUPLOAD": _upload,
    "AUDIOUPLOAD": _upload,
    "AUDIO_UI": _player,
    "AUDIO_RECORD": _recorder,
    "WEBCAM": _camera,
    "LOAD_3D": _view_3d,
    "LOAD_3D_ADVANCED": _view_3d,
    "PREVIEW_3D": _preview_3d,
    "BOUNDING_BOX": _box,
    "IMAGECOMPARE": _compared,
    "RESOLUTION_PREVIEW": _shown_only,
    "COMFY_BRANCH_INPUT_NAMES": _branches,
    "COMFY_BRANCH_SELECTOR": _branch,
    DYNAMIC_COMBO: _dynamic_combo,
}
SOCKETS_ONLY = frozenset({AUTOGROW, "COMFY_MATCHTYPE_V3"})
