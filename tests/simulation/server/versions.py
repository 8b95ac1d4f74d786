"""The versions of ComfyUI that a simulated server can be: what each says of itself, and its node classes.

Everything that changed between `OLD` and `NEW` follows `is_new` (docs/comfyui.md names the changes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.server.catalogue import Catalogue, catalogue_of

_MODELS = (
    "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision", "style_models",
    "embeddings", "diffusers", "vae_approx", "controlnet", "gligen", "upscale_models", "custom_nodes",
    "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
)  # fmt: skip
_NEW_MODELS = (
    "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision", "style_models",
    "embeddings", "diffusers", "vae_approx", "controlnet", "gligen", "upscale_models", "latent_upscale_models",
    "custom_nodes", "datasets", "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
    "background_removal", "frame_interpolation", "geometry_estimation", "optical_flow", "detection",
)  # fmt: skip
MAX_UPLOAD = 104857600


@dataclass(frozen=True)
class Version:
    """A version, or an older one that behaves as `OLD` but for `interrupts_by_id`."""

    number: str
    is_new: bool = False
    interrupts_by_id: bool = True
    system: Mapping[str, Any] = field(default_factory=dict)
    more_features: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = _MODELS

    @property
    def catalogue(self) -> Catalogue:
        """The node classes."""
        return catalogue_of(is_new=self.is_new)

    @property
    def features(self) -> dict[str, Any]:
        """The answer of /features."""
        return {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD, **self.more_features}


OLD = Version(
    "0.3.64",
    system={
        "os": "posix",
        "required_frontend_version": "1.27.10",
        "installed_templates_version": "0.1.95",
        "required_templates_version": "0.1.95",
    },
)
NEW = Version(
    "0.30.0",
    is_new=True,
    system={
        "os": "linux",
        "required_frontend_version": "1.48.7",
        "installed_templates_version": "0.11.34",
        "required_templates_version": "0.11.34",
        "comfy_package_versions": [
            {"name": "comfyui-frontend-package", "installed": "1.48.7", "required": "1.48.7"},
        ],
        "deploy_environment": "local-git",
    },
    more_features={
        "supports_model_type_tags": True,
        "extension": {"manager": {"supports_v4": True}},
        "node_replacements": True,
        "assets": False,
    },
    models=_NEW_MODELS,
)
ANCIENT = Version("0.3.55", interrupts_by_id=False, system=OLD.system)
VERSIONS = {version.number: version for version in (OLD, NEW)}
