"""The node catalogue: what `/object_info` says about each class this server can run.

The definitions of the real classes equal those of ComfyUI 0.3.64 (a test compares them). Two spellings of a list of
choices appear, as there: a list in the place of the type, and `["COMBO", {"options": […]}]` in newer classes.
"""

from __future__ import annotations

import copy
from typing import Any

Definition = dict[str, Any]

MAX_SEED = 18446744073709551615
MAX_SIDE = 16384
BLEND_MODES = ("normal", "multiply", "screen", "overlay", "soft_light", "difference")
SCALE_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
PREFIX_TOOLTIP = (
    "The prefix for the file to save. This may include formatting information such as %date:yyyy-MM-dd% or "
    "%Empty Latent Image.width% to include values from nodes."
)
DEMO_NOTE = (
    "Demo: a procedural picture from a hash of the text and the seed. There is no model and no artificial intelligence."
)


def _int(default: int, low: int, high: int, **more: Any) -> list[Any]:
    return ["INT", {"default": default, "min": low, "max": high, **more}]


def _float(default: float, low: float, high: float, step: float) -> list[Any]:
    return ["FLOAT", {"default": default, "min": low, "max": high, "step": step}]


def _define(
    name: str,
    inputs: dict[str, Any],
    *,
    optional: dict[str, Any] | None = None,
    hidden: dict[str, str] | None = None,
    output: tuple[str, ...] = ("IMAGE",),
    display_name: str | None = None,
    description: str = "",
    module: str = "nodes",
    category: str = "image",
) -> Definition:
    groups: dict[str, dict[str, Any]] = {"required": inputs}
    if optional:
        groups["optional"] = optional
    if hidden:
        groups["hidden"] = dict(hidden)
    return {
        "input": groups,
        "input_order": {group: list(entries) for group, entries in groups.items()},
        "output": list(output),
        "output_is_list": [False] * len(output),
        "output_name": list(output),
        "name": name,
        "display_name": display_name,
        "description": description,
        "python_module": module,
        "category": category,
        "output_node": not output,
    }


def _define_newer(name: str, inputs: dict[str, Any]) -> Definition:
    """Define a class of the newer kind: more keys in its definition, and its choices are not checked before a run."""
    definition = _define(name, inputs, module="comfy_extras.nodes_post_processing", category="image/postprocessing")
    position = list(definition).index("name")
    entries = list(definition.items())
    entries.insert(position, ("output_tooltips", [None]))
    return {**dict(entries), "deprecated": False, "experimental": False, "api_node": False}


ANY = "*"  # an input that takes whatever it is given
_PNG_INFO = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_SAVED = "Saves the input images to your ComfyUI output directory."

_REAL = (
    _define("LoadImage", {"image": [[], {"image_upload": True}]}, output=("IMAGE", "MASK"), display_name="Load Image"),
    _define(
        "SaveImage",
        {
            "images": ["IMAGE", {"tooltip": "The images to save."}],
            "filename_prefix": ["STRING", {"default": "ComfyUI", "tooltip": PREFIX_TOOLTIP}],
        },
        hidden=_PNG_INFO,
        output=(),
        display_name="Save Image",
        description=_SAVED,
    ),
    _define(
        "PreviewImage",
        {"images": ["IMAGE"]},
        hidden=_PNG_INFO,
        output=(),
        display_name="Preview Image",
        description=_SAVED,
    ),
    _define(
        "EmptyImage",
        {
            "width": _int(512, 1, MAX_SIDE, step=1),
            "height": _int(512, 1, MAX_SIDE, step=1),
            "batch_size": _int(1, 1, 4096),
            "color": _int(0, 0, 16777215, step=1, display="color"),
        },
        display_name="EmptyImage",
    ),
    _define(
        "ImageScale",
        {
            "image": ["IMAGE"],
            "upscale_method": [list(SCALE_METHODS)],
            "width": _int(512, 0, MAX_SIDE, step=1),
            "height": _int(512, 0, MAX_SIDE, step=1),
            "crop": [["disabled", "center"]],
        },
        display_name="Upscale Image",
        category="image/upscaling",
    ),
    _define("ImageInvert", {"image": ["IMAGE"]}, display_name="Invert Image"),
    _define_newer(
        "ImageBlur",
        {
            "image": ["IMAGE", {}],
            "blur_radius": _int(1, 1, 31, step=1),
            "sigma": _float(1.0, 0.1, 10.0, 0.1),
        },
    ),
    _define_newer(
        "ImageSharpen",
        {
            "image": ["IMAGE", {}],
            "sharpen_radius": _int(1, 1, 31, step=1),
            "sigma": _float(1.0, 0.1, 10.0, 0.01),
            "alpha": _float(1.0, 0.0, 5.0, 0.01),
        },
    ),
    _define_newer(
        "ImageBlend",
        {
            "image1": ["IMAGE", {}],
            "image2": ["IMAGE", {}],
            "blend_factor": _float(0.5, 0.0, 1.0, 0.01),
            "blend_mode": ["COMBO", {"multiselect": False, "options": list(BLEND_MODES)}],
        },
    ),
    _define(
        "LoadImageMask",
        {"image": [[], {"image_upload": True}], "channel": [["alpha", "red", "green", "blue"]]},
        output=("MASK",),
        display_name="Load Image (as Mask)",
        category="mask",
    ),
    _define(
        "MaskToImage",
        {"mask": ["MASK"]},
        display_name="Convert Mask to Image",
        module="comfy_extras.nodes_mask",
        category="mask",
    ),
    _define(
        "InvertMask",
        {"mask": ["MASK"]},
        output=("MASK",),
        display_name="InvertMask",
        module="comfy_extras.nodes_mask",
        category="mask",
    ),
    _define(
        "ImageCompositeMasked",
        {
            "destination": ["IMAGE"],
            "source": ["IMAGE"],
            "x": _int(0, 0, MAX_SIDE, step=1),
            "y": _int(0, 0, MAX_SIDE, step=1),
            "resize_source": ["BOOLEAN", {"default": False}],
        },
        optional={"mask": ["MASK"]},
        display_name="ImageCompositeMasked",
        module="comfy_extras.nodes_mask",
    ),
    _define(
        "PreviewAny",
        {"source": [ANY, {}]},
        output=(),
        display_name="Preview Any",
        module="comfy_extras.nodes_preview_any",
        category="utils",
    ),
)

_DEMO = (
    _define(
        "DemoSampler",
        {
            "text": ["STRING", {"multiline": True, "default": "evening over quiet hills", "tooltip": DEMO_NOTE}],
            "seed": _int(0, 0, MAX_SEED, control_after_generate=True),
            "steps": _int(20, 1, 200),
            "width": _int(512, 64, 2048, step=8),
            "height": _int(512, 64, 2048, step=8),
        },
        display_name="Demo Sampler (no model)",
        description=DEMO_NOTE,
        module="demo_comfyui",
        category="demo",
    ),
    _define(
        "DemoShape",
        {name: _float(1.0, 0.1, 10.0, 0.1) for name in ("width", "height", "depth")}
        | {"filename_prefix": ["STRING", {"default": "mesh/ComfyUI"}]},
        output=(),
        display_name="Demo Shape",
        description="Saves a box as a 3D model.",
        module="demo_comfyui",
        category="demo",
    ),
    _define(
        "DemoNote",
        {
            "text": ["STRING", {"multiline": True, "default": "# A note"}],
            "filename_prefix": ["STRING", {"default": "ComfyUI"}],
            "format": [["md", "txt", "csv", "json", "svg", "gltf"]],
        },
        output=(),
        display_name="Demo Note",
        description="Saves a text.",
        module="demo_comfyui",
        category="demo",
    ),
    _define(
        "DemoVideoSampler",
        {
            "text": ["STRING", {"multiline": True, "default": "clouds over a wide valley", "tooltip": DEMO_NOTE}],
            "seed": _int(0, 0, MAX_SEED, control_after_generate=True),
            "steps": _int(20, 1, 200),
            "frames": _int(12, 1, 60),
            "rate": _int(8, 1, 60, tooltip="Frames a second of the preview."),
            "width": _int(512, 64, 2048, step=8),
            "height": _int(288, 64, 2048, step=8),
        },
        display_name="Demo Video Sampler (no model)",
        description="A procedural picture, panned. Its previews are animated if the editor's file asks for that.",
        module="demo_comfyui",
        category="demo",
    ),
    _define(
        "DemoFailAt",
        {
            "image": ["IMAGE"],
            "steps": _int(10, 1, 10000),
            "fail_at": _int(2, 0, 10000, tooltip="The step that fails; 0 never fails and passes the image on."),
        },
        display_name="Demo Fail At (test)",
        description="Passes the image on step by step, and fails on purpose at one of them.",
        module="demo_comfyui",
        category="demo",
    ),
)

DEFINITIONS: dict[str, Definition] = {definition["name"]: definition for definition in (*_REAL, *_DEMO)}
LOADERS = ("LoadImage", "LoadImageMask")  # they read a file of input/, and check themselves that it exists
REAL_CLASSES = tuple(definition["name"] for definition in _REAL)


def is_output(class_type: str) -> bool:
    """Whether runs start from nodes of this class."""
    return bool(DEFINITIONS[class_type]["output_node"])


def return_types(class_type: str) -> tuple[str, ...] | list[str]:
    """Return the types of the outputs: a tuple for classes of the older kind, which error texts show."""
    definition = DEFINITIONS[class_type]
    output: list[str] = definition["output"]
    return output if "api_node" in definition else tuple(output)


def inputs_of(class_type: str) -> dict[str, tuple[str, list[Any]]]:
    """Return the inputs of a node of this class by name: the group, and the entry of the definition."""
    groups = DEFINITIONS[class_type]["input"]
    return {name: (group, entry) for group in ("required", "optional") for name, entry in groups.get(group, {}).items()}


def describe(class_type: str, input_images: list[str]) -> Definition:
    """Return the definition as `/object_info` has it now: the loaders list the pictures in input/."""
    definition = copy.deepcopy(DEFINITIONS[class_type])
    if class_type in LOADERS:
        definition["input"]["required"]["image"][0] = input_images
    return definition
