"""Choices that are model files, and the folders of models that contain them.

place({"ink.safetensors"}, {"vae": {"a.safetensors"}, "loras": {"ink.safetensors"}})     # {"ink.safetensors": "loras"}

A catalogue does not say which folder a choice is from, and node packs have folders of their own. But a node's choices
are the names that `/models/{folder}` lists, so the folder is found by them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.workflows.forms.kinds import Choice, Kind

# Folders of models by the input that takes one, in ComfyUI's own loaders (0.3.64).
_INPUT_FOLDERS = {
    "ckpt_name": "checkpoints",
    "clip_name": "text_encoders",
    "control_net_name": "controlnet",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "lora_name": "loras",
    "photomaker_model_name": "photomaker",
    "style_model_name": "style_models",
    "unet_name": "diffusion_models",
    "vae_name": "vae",
}
# By node class, where the input has a common name.
_CLASS_FOLDERS = {
    "AudioEncoderLoader": "audio_encoders",
    "CLIPVisionLoader": "clip_vision",
    "ModelPatchLoader": "model_patches",
    "UpscaleModelLoader": "upscale_models",
}
_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl", ".engine")
_TRIED = 50  # choices: a list of models may begin with a few that are none, such as "None"


def is_model_choice(kind: Kind) -> bool:
    """Whether the choices are model files of the server, not names that an author chose."""
    if not isinstance(kind, Choice) or kind.labels or kind.remote_route:
        return False
    return any(isinstance(item, str) and is_model_name(item) for item in kind.options[:_TRIED])


def is_model_name(choice: str) -> bool:
    """Whether a choice is the name of a model file."""
    name = choice.lower()
    return name.endswith(_ENDINGS) and name not in _ENDINGS


def likely_folder(class_type: str, input_name: str) -> str:
    """Return the folder of models from which ComfyUI's own loaders read such an input; empty for other nodes."""
    return _CLASS_FOLDERS.get(class_type, "") or _INPUT_FOLDERS.get(input_name.rstrip("0123456789"), "")


def place(names: Collection[str], folders: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the folder of each name: the one with the most of these names, of several the smallest."""
    found: dict[str, str] = {}
    left = set(names)
    while left:
        best = max(
            folders, key=lambda folder: (len(left.intersection(folders[folder])), -len(folders[folder])), default=""
        )
        here = left.intersection(folders.get(best, ()))
        if not here:
            break
        found |= dict.fromkeys(here, best)
        left -= here
    return found
