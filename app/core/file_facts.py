"""What the first bytes of a file say about it, without decoding it.

    head = await blob.read(HEAD)
    read_facts("ComfyUI_00001_.latent", head)      # (FileFact("shape", "1 × 4 × 64 × 64"), …)
    read_beginning(head)                           # of a text

The names of facts are translated by `app/ui/results/file_words.py`; those that begin with `META` are the file's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from app.core.model import FileFact
from wire.media import viewer_of

HEAD = 1_048_576  # bytes of a file that are read
MAX_BEGINNING = 2_000  # characters of a text
META = "meta."
MAX_META = 8  # entries
MAX_VALUE = 120  # characters
TIMES = " × "
_WORKFLOWS = frozenset({"prompt", "workflow"})  # of ComfyUI, in the files that it writes

_EXR = b"\x76\x2f\x31\x01"
_EXR_DEPTHS = ("uint", "half", "float")
_EXR_COMPRESSIONS = ("none", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB")
_TRIANGLES = 4  # the mode of a glTF primitive, and the default


def read_facts(filename: str, head: bytes) -> tuple[FileFact, ...]:
    """Return what the beginning of a file says; nothing if it is damaged, of another kind, or has too long a header."""
    reader = _READERS.get(_ending(filename))
    try:
        found = dict(reader(head)) if reader is not None else {}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(FileFact(name, value[:MAX_VALUE]) for name, value in found.items() if value)


def read_beginning(head: bytes) -> str:
    """Return the first characters of a text; empty if it is none."""
    text = head[: 4 * MAX_BEGINNING].decode("utf-8-sig", "replace")
    if "\0" in text:
        return ""
    return text if len(text) <= MAX_BEGINNING and len(head) <= 4 * MAX_BEGINNING else f"{text[:MAX_BEGINNING]} […]"


def has_facts(filename: str, media_type: str) -> bool:
    """Whether something can be read from the first bytes of such a file."""
    return _ending(filename) in _READERS or viewer_of(media_type, filename) == "text"


def _ending(filename: str) -> str:
    return filename.rpartition(".")[2].casefold()


def _tensors(head: bytes) -> Iterator[tuple[str, str]]:
    """A header's length, and JSON with the tensors and metadata of a safetensors file."""
    length = int.from_bytes(head[:8], "little")
    if length > len(head) - 8:
        return
    header = json.loads(head[8 : 8 + length])
    meta = header.pop("__metadata__", {})
    latent = header.get("latent_tensor")
    if latent is not None:
        yield "shape", TIMES.join(str(int(side)) for side in latent["shape"])
    else:
        yield "tensors", str(len(header))
        yield "parameters", str(sum(math.prod(tensor["shape"]) for tensor in header.values()))
    yield "types", ", ".join(sorted({str(tensor["dtype"]) for tensor in header.values() if 0 not in tensor["shape"]}))
    own = [name for name in meta if name not in _WORKFLOWS]
    yield from ((META + name, str(meta[name])) for name in own[:MAX_META])


def _exr(head: bytes) -> Iterator[tuple[str, str]]:
    """The attributes of the first part of an OpenEXR file: name, type, length, value."""
    if head[:4] != _EXR:
        return
    known: dict[str, bytes] = {}
    at = 8
    while head[at]:
        name, at = _word(head, at)
        _, at = _word(head, at)
        end = at + 4 + max(0, _int(head, at))
        known[name] = head[at + 4 : end]
        at = end
    left, top, right, bottom = (_int(known["dataWindow"], place) for place in (0, 4, 8, 12))
    yield "pixels", f"{right - left + 1}{TIMES}{bottom - top + 1}"
    channels = dict(_exr_channels(known["channels"]))
    yield "channels", ", ".join(channels)
    yield "types", ", ".join(sorted(set(channels.values())))
    yield "compression", _EXR_COMPRESSIONS[known["compression"][0]]


def _exr_channels(value: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while value[at]:
        name, at = _word(value, at)
        yield name, _EXR_DEPTHS[_int(value, at)]
        at += 16  # type, linear, and how the channel is sampled


def _int(data: bytes, at: int) -> int:
    if len(data) < at + 4:
        raise ValueError("too short")
    return int.from_bytes(data[at : at + 4], "little", signed=True)


def _word(data: bytes, at: int) -> tuple[str, int]:
    """A text that ends with a zero byte, and where it ends."""
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8", "replace"), end + 1


def _scene(head: bytes) -> Iterator[tuple[str, str]]:
    """What a glTF scene consists of, from its JSON: the first chunk of a binary file, or all of it."""
    text = head[20 : 20 + _int(head, 12)] if head[:4] == b"glTF" else head
    scene: Mapping[str, Any] = json.loads(text)
    parts = [part for mesh in scene.get("meshes", ()) for part in mesh["primitives"]]
    counts = [item["count"] for item in scene.get("accessors", ())]
    points = [counts[part["attributes"]["POSITION"]] for part in parts]
    corners = [
        counts[part["indices"]] if "indices" in part else point for part, point in zip(parts, points, strict=True)
    ]
    flat = [corner for part, corner in zip(parts, corners, strict=True) if part.get("mode", _TRIANGLES) == _TRIANGLES]
    yield "vertices", _count(sum(points))
    yield "triangles", _count(sum(flat) // 3)
    for name in ("materials", "textures", "animations"):
        yield name, _count(len(scene.get(name, ())))
    yield "extensions", ", ".join(str(item) for item in scene.get("extensionsRequired", ()))


def _count(number: int) -> str:
    return str(number) if number else ""


_READERS = {"safetensors": _tensors, "latent": _tensors, "exr": _exr, "glb": _scene, "gltf": _scene}
