"""What is known of a file from its first bytes."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.file_facts import MAX_BEGINNING, has_facts, read_beginning, read_facts


def safetensors(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(64)


def tensor(*shape: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [0, 0]}


def exr(width: int, height: int, channels: dict[str, int], *, compression: int = 3) -> bytes:
    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value

    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", depth, 0, 1, 1) for name, depth in channels.items()
    )
    return (
        struct.pack("<II", 20000630, 2)
        + attribute("channels", "chlist", listed + b"\0")
        + attribute("compression", "compression", bytes([compression]))
        + attribute("dataWindow", "box2i", struct.pack("<4i", 10, 20, 10 + width - 1, 20 + height - 1))
        + attribute("prompt", "string", b"{}")
        + b"\0"
        + bytes(32)
    )


def gltf(**more: Any) -> bytes:
    scene: dict[str, Any] = {
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}, {"attributes": {"POSITION": 0}, "mode": 0}]}
        ],
        "accessors": [{"count": 8}, {"count": 36}],
    }
    return json.dumps(scene | more).encode()


def glb(scene: bytes) -> bytes:
    return b"glTF" + struct.pack("<III4s", 2, 28 + len(scene), len(scene), b"JSON") + scene + bytes(8)


LATENT = safetensors({"latent_tensor": tensor(1, 4, 64, 96), "latent_format_version_0": tensor(0, dtype="F16")})
LORA = safetensors(
    {
        "__metadata__": {"format": "pt", "prompt": "{}", "long": "x" * 500},
        "a": tensor(2, 3, dtype="BF16"),
        "b": tensor(4),
    }
)


def facts(filename: str, head: bytes) -> dict[str, str]:
    return {fact.name: fact.value for fact in read_facts(filename, head)}


def test_latent_has_its_shape() -> None:
    assert facts("x.latent", LATENT) == {"shape": "1 × 4 × 64 × 96", "types": "F32"}


def test_safetensors_are_counted_and_their_metadata_shortened() -> None:
    assert facts("x.SAFETENSORS", LORA) == {
        "tensors": "2",
        "parameters": "10",
        "types": "BF16, F32",
        "meta.format": "pt",
        "meta.long": "x" * 120,
    }


def test_exr_has_its_size_and_channels() -> None:
    assert facts("x.exr", exr(640, 480, {"A": 1, "B": 1, "G": 1, "R": 2})) == {
        "pixels": "640 × 480",
        "channels": "A, B, G, R",
        "types": "float, half",
        "compression": "ZIP",
    }


@pytest.mark.parametrize("data", [gltf(), glb(gltf())])
def test_scene_is_counted(data: bytes) -> None:
    assert facts("x.glb", data) == {"vertices": "16", "triangles": "12"}


def test_scene_names_the_extensions_it_needs() -> None:
    found = facts("x.gltf", gltf(extensionsRequired=["KHR_draco_mesh_compression"], materials=[{}, {}]))
    assert (found["extensions"], found["materials"]) == ("KHR_draco_mesh_compression", "2")


@given(st.sampled_from(["x.latent", "x.exr", "x.glb", "x.gltf"]), st.binary(max_size=60))
def test_damaged_file_has_no_facts(filename: str, rest: bytes) -> None:
    start = {"x.latent": LATENT[:40], "x.exr": exr(1, 1, {"R": 1})[:70], "x.glb": glb(gltf())[:60], "x.gltf": b"{"}
    assert all(isinstance(fact.value, str) for fact in read_facts(filename, start[filename] + rest))
    assert facts(filename, b"") == {}


def test_header_beyond_the_bytes_that_were_read_has_no_facts() -> None:
    assert facts("x.safetensors", (1 << 40).to_bytes(8, "little") + b"{}") == {}


def test_beginning_of_a_text_is_shortened() -> None:
    assert read_beginning("\ufeff# 沙丘".encode()) == "# 沙丘"
    assert read_beginning(b"x" * MAX_BEGINNING) == "x" * MAX_BEGINNING
    assert read_beginning(b"x" * (MAX_BEGINNING + 1)) == "x" * MAX_BEGINNING + " […]"
    assert read_beginning(b"\x89PNG\0\0") == ""


def test_only_files_that_say_something_are_read() -> None:
    assert not any(has_facts(name, "") for name in ("x.png", "x.svg", "x.webm", "x.flac", "x.obj", "x"))
    assert all(has_facts(name, "application/octet-stream") for name in ("x.exr", "x.glb", "x.md", "x.latent"))
