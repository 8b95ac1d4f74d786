"""A small `/object_info`, made up: a class for each way in which an input can be described."""

from __future__ import annotations

from typing import Any

IMAGE: list[Any] = ["IMAGE"]
LIMIT = 2**64 - 1


def _class(
    required: dict[str, Any], outputs: list[Any], optional: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    inputs: dict[str, Any] = {"required": required}
    if optional:
        inputs["optional"] = optional
    return {
        "input": inputs,
        "input_order": {group: list(members) for group, members in inputs.items()},
        "output": outputs,
        "output_is_list": [False] * len(outputs),
        "output_name": [kind if isinstance(kind, str) else "COMBO" for kind in outputs],
        "description": "",
        "python_module": "nodes",
        "category": "cases",
        "output_node": not outputs,
        **more,
    }


def _choice(*pairs: tuple[str, dict[str, Any]]) -> list[Any]:
    return ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": key, "inputs": {"required": own}} for key, own in pairs]}]


def _grow(inputs: dict[str, Any], **template: Any) -> list[Any]:
    return ["COMFY_AUTOGROW_V3", {"template": {"input": {"required": inputs}, **template}}]


def _match(allowed: str = "*") -> list[Any]:
    return ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t", "allowed_types": allowed}}]


_ENTRIES: dict[str, dict[str, Any]] = {
    "CaseSource": _class({}, ["IMAGE", "MASK", "INT", "STRING"]),
    "CaseTint": _class(
        {
            "image": IMAGE,
            "amount": ["FLOAT", {"default": 0.5, "min": 0, "max": 1, "step": 0.01}],
            "seed": ["INT", {"default": 0, "min": 0, "max": LIMIT}],
            "style": [["soft", "hard", "plain"]],
        },
        ["IMAGE"],
        {"mask": ["MASK"], "note": ["STRING", {"default": ""}]},
    ),
    "CaseJoin": _class({"one": IMAGE, "two": IMAGE, "mask": ["MASK"]}, ["IMAGE", "MASK"]),
    "CaseText": _class(
        {"text": ["STRING", {"multiline": True, "dynamicPrompts": True}], "plain": ["STRING", {"multiline": True}]},
        ["STRING"],
    ),
    "CaseNumbers": _class(
        {
            "small": ["INT", {"default": 3, "min": 0, "max": 10}],
            "even": ["INT", {"default": 4, "min": 2, "max": 100, "step": 2}],
            "part": ["FLOAT", {"default": 0.25, "min": 0.0, "max": 1.0}],
            "flag": ["BOOLEAN", {"default": True}],
        },
        ["INT"],
    ),
    "CaseChoices": _class(
        {
            "old": [["a", "b"], {"default": "b"}],
            "new": ["COMBO", {"options": ["p", "q"], "control_after_generate": True}],
            "many": ["COMBO", {"options": ["x", "y", "z"], "multi_select": {"chip": True}}],
            "none": [[]],
        },
        [["a", "b"]],
    ),
    "CaseForced": _class(
        {"first": ["INT", {"default": 1}], "socket": ["INT", {"forceInput": True}], "last": ["INT", {"default": 2}]},
        ["INT"],
        {"late": ["INT", {"defaultInput": True}], "word": ["STRING", {"default": "w"}]},
    ),
    "CaseOrder": _class(
        {"b": ["INT", {"default": 2}], "a": ["INT", {"default": 1}]},
        ["INT"],
        {"d": ["INT", {"default": 4}], "c": ["INT", {"default": 3}]},
        input_order={"required": ["a", "b"], "optional": ["c", "d"]},
    ),
    "CaseAny": _class({"any": ["*"], "text": ["STRING,INT", {}]}, ["*"]),
    "CaseCurve": _class({"curve": ["CURVE", {}], "color": ["COLOR", {"default": "#ff0000"}]}, ["INT"]),
    "CaseSwitch": _class(
        {
            "before": ["INT", {"default": 7}],
            "size": _choice(
                ("by side", {"side": ["INT", {"default": 64}], "guide": IMAGE}),
                ("free", {}),
                (
                    "deep",
                    {"inner": _choice(("on", {"word": ["STRING", {"default": "in"}]}), ("off", {})), "seed": ["INT"]},
                ),
            ),
            "after": ["INT", {"default": 8}],
        },
        ["IMAGE"],
    ),
    "CaseGrow": _class(
        {"images": _grow({"image": IMAGE}, prefix="image", min=1, max=5), "count": ["INT", {"default": 1}]}, ["IMAGE"]
    ),
    "CaseNamed": _class(
        {"parts": _grow({"part": IMAGE}, names=["head", "body", "tail"], min=1), "count": ["INT", {"default": 1}]},
        ["IMAGE"],
    ),
    "CaseGrowNumbers": _class(
        {"n": _grow({"n": ["INT", {"default": 5}]}, prefix="n", min=1, max=4), "end": ["INT", {"default": 9}]}, ["INT"]
    ),
    "CaseMatch": _class(
        {"on": _match(), "off": _match("IMAGE,MASK"), "pick": ["BOOLEAN", {}]},
        ["COMFY_MATCHTYPE_V3"],
        output_matchtypes=["t"],
    ),
    "CaseRows": _class(
        {
            "first": ["INT", {"default": 1}],
            "rows": [
                "COMFY_DYNAMICGROUP_V3",
                {
                    "template": {"required": {"weight": ["FLOAT", {"default": 1.0}], "word": ["STRING"]}},
                    "min": 1,
                    "max": 4,
                },
            ],
            "last": ["INT", {"default": 2}],
        },
        ["INT"],
    ),
    "CaseKeep": _class({"images": IMAGE}, []),
    "CaseShow": _class({"source": ["*"]}, []),
    "CustomCombo": _class({"choice": ["COMBO", {"options": []}]}, ["STRING", "INT"]),
    # These have the names of real classes, since the editor knows them by name, and the inputs that those have.
    "LoadImage": _class({"image": [["one.png", "two.png"], {"image_upload": True}]}, ["IMAGE", "MASK"]),
    "SaveImage": _class({"images": IMAGE, "filename_prefix": ["STRING", {"default": "ComfyUI"}]}, [], output_node=True),
    "Load3D": _class(
        {
            "model_file": [["a.glb"], {"file_upload": True}],
            "image": ["LOAD_3D", {}],
            "width": ["INT"],
            "height": ["INT"],
        },
        ["IMAGE"],
    ),
    "Save3DAdvanced": _class(
        {"filename_prefix": ["STRING"], "viewport_state": ["LOAD_3D", {}], "width": ["INT"], "height": ["INT"]}, ["INT"]
    ),
    "Painter": _class(
        {"mask": ["STRING", {"widgetType": "PAINTER", "image_upload": True}], "width": ["INT"], "height": ["INT"]},
        ["IMAGE"],
    ),
    "WebcamCapture": _class(
        {"image": ["WEBCAM", {}], "width": ["INT"], "height": ["INT"], "capture_on_queue": ["BOOLEAN"]}, ["IMAGE"]
    ),
    # Those of Use Everywhere, and what its cases need: the script of the pack takes names from a KSampler.
    "Anything Everywhere": _class({}, [], {"anything": ["*", {}]}, output_node=False),
    "Anything Everywhere3": _class(
        {}, [], {"anything": ["*", {}], "anything2": ["*", {}], "anything3": ["*", {}]}, output_node=False
    ),
    "Anything Everywhere?": _class(
        {},
        [],
        {
            "anything": ["*", {}],
            **{f"{name}_regex": ["STRING", {"default": ""}] for name in ("title", "input", "group")},
        },
        output_node=False,
    ),
    "Prompts Everywhere": _class({}, [], {"positive": ["*", {}], "negative": ["*", {}]}, output_node=False),
    "Seed Everywhere": _class({"seed": ["INT", {"default": 0, "min": 0, "max": LIMIT}]}, ["INT"]),
    "CaseConditioning": _class({}, ["CONDITIONING"]),
    "CaseConditioned": _class(
        {
            "positive": ["CONDITIONING"],
            "prompt": ["CONDITIONING", {"display_name": "Words"}],
            "other": ["CONDITIONING"],
        },
        [],
    ),
    "KSampler": _class(
        {
            "model": ["MODEL"],
            "seed": ["INT", {"default": 0, "min": 0, "max": LIMIT, "control_after_generate": True}],
            "steps": ["INT", {"default": 20}],
            "cfg": ["FLOAT", {"default": 8.0}],
            "sampler_name": [["euler"]],
            "scheduler": [["normal"]],
            "positive": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
            "latent_image": ["LATENT"],
            "denoise": ["FLOAT", {"default": 1.0}],
        },
        ["LATENT"],
    ),
}

CLASSES = {name: {**entry, "name": name, "display_name": f"{name} shown"} for name, entry in _ENTRIES.items()}
