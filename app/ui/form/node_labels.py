"""The names of ComfyUI's own commonest nodes, so that translators find them.

A node is called as its server calls its class (`display_name`); the page shows that by `Translator.known`. A title that
the workflow's author gave stays as it is.
"""

from __future__ import annotations

from app.ui.kit.i18n import Translator


def node_labels(_: Translator) -> tuple[str, ...]:
    """All of them in one language."""
    return (
        _("Load Checkpoint"),
        _("CLIP Text Encode (Prompt)"),
        _("KSampler"),
        _("KSampler (Advanced)"),
        _("Empty Latent Image"),
        _("VAE Decode"),
        _("VAE Decode (Tiled)"),
        _("VAE Encode"),
        _("VAE Encode (Tiled)"),
        _("VAE Encode (for Inpainting)"),
        _("Save Image"),
        _("Load Image"),
        _("Load Image (as Mask)"),
        _("Preview Image"),
        _("Load LoRA"),
        _("Load VAE"),
        _("Load CLIP"),
        _("Load CLIP Vision"),
        _("CLIP Vision Encode"),
        _("CLIP Set Last Layer"),
        _("Load Diffusion Model"),
        _("Load Upscale Model"),
        _("Load ControlNet Model"),
        _("Apply ControlNet"),
        _("Apply ControlNet (OLD)"),
        _("Upscale Image"),
        _("Upscale Image By"),
        _("Upscale Image (using Model)"),
        _("Upscale Latent"),
        _("Upscale Latent By"),
        _("Set Latent Noise Mask"),
        _("Repeat Latent Batch"),
        _("Latent Composite"),
        _("Conditioning (Combine)"),
        _("Conditioning (Concat)"),
        _("Conditioning (Set Area)"),
        _("Invert Image"),
        _("Batch Images"),
        _("Pad Image for Outpainting"),
        _("Image Crop"),
        _("Convert Mask to Image"),
        _("Convert Image to Mask"),
        _("Differential Diffusion"),
        _("Create Video"),
        _("Save Video"),
        _("Load Video"),
        _("Crop Latent"),
        _("Get Image Size"),
        _("Preview Any"),
    )
