"""The models of a demo server: names, metadata and pictures of files that do not exist.

ComfyUI reads the metadata of a file's safetensors header, and the picture beside the file.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from demo_comfyui.painting.painter import paint

PICTURE = (288, 384)  # pixels
STEPS = 6  # of a picture's strokes
MODIFIED = 1_760_000_000.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Model:
    """One model, named with slashes on every server. `scene` describes its picture; empty without one."""

    name: str
    megabytes: int
    tint: str  # of the pictures that a demo node makes with it
    scene: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.megabytes * 1_000_000


def _trained(base: str, side: int, words: str, **tags: int) -> dict[str, str]:
    """Return metadata as trainers write it: every value is a text, some of them JSON."""
    frequency = {"10_demo": {tag.replace("_", " "): count for tag, count in tags.items()}}
    return {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": f"{base}/lora",
        "modelspec.resolution": f"{side}x{side}",
        **({"modelspec.trigger_phrase": words} if words else {}),
        "ss_resolution": f"({side}, {side})",
        "ss_tag_frequency": json.dumps(frequency),
    }


_XL, _FLUX = "stable-diffusion-xl-v1-base", "flux-1-dev"
MODELS: Mapping[str, tuple[Model, ...]] = {
    "checkpoints": (
        Model("night/blue.safetensors", 6_940, "#1d3b8f", "night over a harbour"),
        Model("night/deep/black.safetensors", 6_620, "#101014"),
        Model("warm.safetensors", 2_130, "#e0873a", "evening over dunes", {"modelspec.architecture": _XL}),
    ),
    "loras": (
        Model(
            "characters/harbour-cat.safetensors", 218, "#8a5a2b", "harbour at dawn",
            _trained(_XL, 1024, "harbour cat, tabby", cat=48, harbour=31, rope=12, sitting=9),
        ),
        Model("characters/lighthouse-keeper.safetensors", 218, "#34495e", metadata=_trained(_XL, 1024, "keeper man")),
        Model("film-grain.safetensors", 37, "#5d5a52", "misty peaks"),
        Model(
            "styles/ink-wash.safetensors", 144, "#2b2b33", "mountains in the rain",
            _trained(_XL, 1024, "ink wash painting", ink=96, mist=40, mountain=38, monochrome=35, brush_stroke=21),
        ),
        Model(
            "styles/neon-rain.safetensors", 306, "#c2257f", "city lights at night",
            _trained(_FLUX, 768, "neonrain", night=64, neon_lights=60, rain=58, street=33, reflection=29),
        ),
        Model("styles/paper-cut.safetensors", 151, "#d98f2b", "autumn hills", _trained(_XL, 1024, "", paper=70)),
    ),
}  # fmt: skip


def find(folder: str, name: str) -> Model | None:
    """Return the model of this name."""
    return next((model for model in MODELS.get(folder, ()) if model.name == name), None)


@cache
def picture_of(model: Model) -> bytes:
    """Return the picture beside a model as WebP; empty without one."""
    if not model.scene:
        return b""
    seed = int.from_bytes(hashlib.sha256(model.name.encode()).digest()[:4], "big")
    *_, picture = paint(model.scene, seed, STEPS, PICTURE)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP")
    return buffer.getvalue()
