"""Nodes whose results are no pictures: DemoShape saves a 3D model as SaveGLB does, DemoNote a text as SaveText does."""

from __future__ import annotations

import itertools
import json
import struct
from typing import Any

from demo_comfyui.model.results import NodeResult
from demo_comfyui.nodes.contract import NodeContext

_FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))  # of a box, by corners
_FLOAT, _UNSIGNED = 5126, 5125  # types of numbers in glTF


def demo_shape(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Save a box of this width, height and depth as a binary glTF file."""
    place = context.storage.save_place(inputs["filename_prefix"], "output", (0, 0))
    name = place.next_name(0, "glb")
    (place.folder / name).write_bytes(_box(inputs["width"], inputs["height"], inputs["depth"]))
    return NodeResult(ui={"3d": [{"filename": name, "subfolder": place.subfolder, "type": "output"}]})


def demo_note(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Save a text, and show it as well."""
    place = context.storage.save_place(inputs["filename_prefix"], "output", (0, 0))
    name = place.next_name(0, inputs["format"])
    (place.folder / name).write_bytes(inputs["text"].encode())
    saved = {"filename": name, "subfolder": place.subfolder, "type": "output"}
    return NodeResult(ui={"text": (inputs["text"],), "files": [saved]})


def _box(*sides: float) -> bytes:
    corners = list(itertools.product(*((-side / 2, side / 2) for side in sides)))
    triangles = [(face[0], face[at], face[at + 1]) for face in _FACES for at in (1, 2)]
    points = b"".join(struct.pack("<3f", *corner) for corner in corners)
    indices = b"".join(struct.pack("<3I", *triangle) for triangle in triangles)
    scene = {
        "asset": {"version": "2.0", "generator": "Mooring demo"},
        "buffers": [{"byteLength": len(points) + len(indices)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(points)},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(indices)},
        ],
        "accessors": [
            {
                "bufferView": 0, "componentType": _FLOAT, "count": len(corners), "type": "VEC3",
                "min": [-side / 2 for side in sides], "max": [side / 2 for side in sides],
            },
            {"bufferView": 1, "componentType": _UNSIGNED, "count": 3 * len(triangles), "type": "SCALAR"},
        ],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.35, 0.55, 1], "metallicFactor": 0}}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }  # fmt: skip
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    chunks = b"".join(
        struct.pack("<I4s", len(data), kind) + data for kind, data in ((b"JSON", text), (b"BIN\0", points + indices))
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
