"""The labels of inputs: made of a name, as the node or the author of a workflow has chosen it."""

from __future__ import annotations

import re

LONGEST = 80  # characters of an author's label
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
