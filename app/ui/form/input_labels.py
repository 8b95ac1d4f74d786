"""The names of ComfyUI's own commonest inputs, so that translators find them.

`app/workflows/forms/labels.py` makes a label of an input's name; the page shows it by `Translator.known`.
"""

from __future__ import annotations

from app.ui.kit.i18n import Translator


def input_labels(_: Translator) -> tuple[str, ...]:
    """All of them in one language."""
    return (
        _("Add noise"),
        _("Amount"),
        _("Batch size"),
        _("CFG"),
        _("Checkpoint name"),
        _("CLIP name"),
        _("CLIP name1"),
        _("CLIP name2"),
        _("Control net name"),
        _("Crop"),
        _("Denoise"),
        _("Device"),
        _("End at step"),
        _("Filename prefix"),
        _("Guidance"),
        _("Image"),
        _("Length"),
        _("LoRA name"),
        _("Megapixels"),
        _("Model name"),
        _("Negative prompt"),
        _("Noise seed"),
        _("Picture of the scene"),
        _("Prompt"),
        _("Sampler name"),
        _("Scheduler"),
        _("Start at step"),
        _("Strength"),
        _("Strength CLIP"),
        _("Strength model"),
        _("Type"),
        _("UNet name"),
        _("Upscale method"),
        _("VAE name"),
        _("Weight dtype"),
    )
