"""The kind and the label of the field for an input, from a server's description."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from app.workflows.catalogue_inputs import COMBO, DYNAMIC_COMBO, DynamicCombo, InputSpec
from app.workflows.forms.fields import (
    MAX_SEED,
    Choice,
    Decimal,
    Kind,
    Media,
    Seed,
    Switch,
    Text,
    Unknown,
    Upload,
    Whole,
)

MEDIA = {"image": Media.PICTURE, "video": Media.VIDEO, "audio": Media.AUDIO}  # by InputSpec.upload; else FILE
# Widgets whose value is a file that the page uploads: of a camera, a recorder, or a view of a scene.
CAPTURES = {"WEBCAM": Media.PICTURE, "AUDIO_RECORD": Media.AUDIO, "LOAD_3D": Media.PICTURE}
LONGEST = 80  # characters of an author's label
PAINTER = "PAINTER"  # a text that names a picture with strokes; empty for none
_IDENTIFIER = re.compile(r"[a-z0-9_.]+")
WORDS = {"cfg": "CFG", "clip": "CLIP", "fps": "FPS", "lora": "LoRA", "unet": "UNet", "vae": "VAE", "ckpt": "checkpoint"}


def label_of(name: str) -> str:
    """The label of an input that has only a name: `ckpt_name` is Checkpoint name."""
    label = " ".join(WORDS.get(word, word) for word in name.replace("_", " ").replace(".", " ").split())
    return label[:1].upper() + label[1:]


def label_by_author(text: str) -> str:
    """The label of an author's own name: `negative_prompt` is Negative prompt, `Her cat` stays as it is."""
    cut = " ".join(text.split())[:LONGEST]
    return label_of(cut) if _IDENTIFIER.fullmatch(cut) else cut[:1].upper() + cut[1:]


def default_of(spec: InputSpec, kind: Kind) -> object:
    """The editor's default; but no file that happens to be on the server."""
    match kind:
        case Upload():
            return ""
        case Choice(options) if spec.default is None and options:
            return options[0]
    return spec.default


def kind_of(spec: InputSpec) -> Kind:
    """The kind of the field for an input."""
    if spec.is_capture:
        return Upload(CAPTURES[spec.type])
    if spec.widget_type == PAINTER:
        return Upload(Media.PICTURE, is_optional=True)
    make = _KINDS.get(spec.type)
    return make(spec) if make is not None else Unknown()


def _whole(spec: InputSpec) -> Kind:
    low, high = _to_whole(spec.minimum), _to_whole(spec.maximum)
    if spec.control_after_generate:
        return Seed(0 if low is None else low, MAX_SEED if high is None else high)
    return Whole(low, high, max(1, _to_whole(spec.step) or 1), "slider" in spec.display)


def _decimal(spec: InputSpec) -> Kind:
    step = spec.step if spec.step and spec.step > 0 else None
    return Decimal(spec.minimum, spec.maximum, step, "slider" in spec.display)


def _choice(spec: InputSpec) -> Kind:
    options = spec.options or ()
    if spec.upload:
        media = MEDIA.get(spec.upload, Media.FILE)
        return Upload(media, spec.upload_folder, options, remote_route=spec.remote_route)
    if spec.is_multi_select:
        return Unknown()
    return Choice(options, remote_route=spec.remote_route)


def _shaping(spec: InputSpec) -> Kind:
    held = spec.dynamic
    return Choice(tuple(held.choices), is_shaping=True) if isinstance(held, DynamicCombo) else Unknown()


def _text(spec: InputSpec) -> Kind:
    is_long = spec.is_multiline or spec.type in ("MARKDOWN", "TEXTAREA")
    return Text(is_long, spec.placeholder, spec.has_dynamic_prompts)


def _to_whole(number: float | None) -> int | None:
    return int(number) if number is not None and math.isfinite(number) else None


_KINDS: Mapping[str, Callable[[InputSpec], Kind]] = {
    "INT": _whole,
    "FLOAT": _decimal,
    "BOOLEAN": lambda spec: Switch(spec.label_on, spec.label_off),
    "STRING": _text,
    "TEXTAREA": _text,
    "MARKDOWN": _text,
    "COLOR": _text,
    COMBO: _choice,
    DYNAMIC_COMBO: _shaping,
}
