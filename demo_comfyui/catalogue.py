"""The node classes of a demo server: those of real servers (`object_info/`), and its own."""

from __future__ import annotations

from functools import cache
from typing import Any

from demo_comfyui.model.catalogue import Catalogue, Definition
from demo_comfyui.models import MODELS
from demo_comfyui.object_info import definitions

_MAX_SEED = 18446744073709551615
_NOTE = (
    "Demo: a procedural picture from a hash of the text and the seed. There is no model and no artificial intelligence."
)


def _define(
    name: str, inputs: dict[str, Any], *, display_name: str, description: str, output: tuple[str, ...] = ("IMAGE",)
) -> Definition:
    """Define a class of the demo server's own, which returns a picture, or shows something."""
    return {
        "input": {"required": inputs},
        "input_order": {"required": list(inputs)},
        "output": list(output),
        "output_is_list": [False] * len(output),
        "output_name": list(output),
        "name": name,
        "display_name": display_name,
        "description": description,
        "python_module": "demo_comfyui",
        "category": "demo",
        "output_node": not output,
    }


def _int(default: int, low: int, high: int, **more: Any) -> list[Any]:
    return ["INT", {"default": default, "min": low, "max": high, **more}]


_OWN = (
    _define(
        "DemoSampler",
        {
            "text": [
                "STRING",
                {"multiline": True, "dynamicPrompts": True, "default": "evening over quiet hills", "tooltip": _NOTE},
            ],
            "seed": _int(0, 0, _MAX_SEED, control_after_generate=True),
            "steps": _int(20, 1, 200),
            "width": _int(512, 64, 2048, step=8),
            "height": _int(512, 64, 2048, step=8),
        },
        display_name="Demo Sampler (no model)",
        description=_NOTE,
    ),
    _define(
        "DemoShape",
        {
            name: ["FLOAT", {"default": 1.0, "min": 0.1, "max": 10.0, "step": 0.1}]
            for name in ("width", "height", "depth")
        }
        | {"filename_prefix": ["STRING", {"default": "mesh/ComfyUI"}]},
        output=(),
        display_name="Demo Shape",
        description="Saves a box as a 3D model.",
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
    ),
    _define(
        "DemoVideoSampler",
        {
            "text": [
                "STRING",
                {"multiline": True, "dynamicPrompts": True, "default": "clouds over a wide valley", "tooltip": _NOTE},
            ],
            "seed": _int(0, 0, _MAX_SEED, control_after_generate=True),
            "steps": _int(20, 1, 200),
            "frames": _int(12, 1, 60),
            "rate": _int(8, 1, 60, tooltip="Frames a second of the preview."),
            "width": _int(512, 64, 2048, step=8),
            "height": _int(288, 64, 2048, step=8),
        },
        display_name="Demo Video Sampler (no model)",
        description="A procedural picture, panned. Its previews are animated if the editor's file asks for that.",
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
    ),
    _define(
        "DemoRepeat",
        {"name": ["STRING", {"default": ""}]},
        output=(),
        display_name="Demo Repeat (test)",
        description="Shows a picture of the output folder under a name that it is given, as some node packs do.",
    ),
)


def _define_models(separator: str) -> tuple[Definition, Definition]:
    """Define the classes whose choices are models."""
    names = {folder: [model.name.replace("/", separator) for model in models] for folder, models in MODELS.items()}
    strength = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05}]
    return (
        _define(
            "DemoModel",
            {"image": ["IMAGE"], "ckpt_name": [names["checkpoints"], {"tooltip": "Demo: a tint. There is no model."}]},
            display_name="Demo Model (a tint)",
            description="Tints the image, each model in its own colour.",
        ),
        _define(
            "DemoLora",
            {"image": ["IMAGE"], "lora_name": [names["loras"]], "strength": strength},
            display_name="Demo LoRA (a tint)",
            description="Tints the image, each LoRA in its own colour. There is no model.",
        ),
    )


def add_model(catalogue: Catalogue, folder: str, name: str) -> None:
    """List a downloaded model, if a node of this server reads its folder."""
    names = catalogue["DemoModel"]["input"]["required"]["ckpt_name"][0]
    if folder == "checkpoints" and name not in names:
        names.append(name)


@cache
def catalogue_of(version: str, separator: str = "/") -> Catalogue:
    """Return the catalogue of a demo server that speaks as this version, with folders of models written like this."""
    own = (*_OWN, *_define_models(separator))
    return Catalogue(definitions(version) | {definition["name"]: definition for definition in own})
