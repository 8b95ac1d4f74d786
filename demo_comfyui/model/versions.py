"""The versions of ComfyUI, and what each does in its own way.

Everything else is the same in all. A fact is named by what it changes, so that another version is another row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wire.versions import NEWEST, OLDEST

_FOLDERS = (
    "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision", "style_models",
    "embeddings", "diffusers", "vae_approx", "controlnet", "gligen", "upscale_models", "custom_nodes",
    "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
)  # fmt: skip
_NEW_FOLDERS = (
    "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision", "style_models",
    "embeddings", "diffusers", "vae_approx", "controlnet", "gligen", "upscale_models", "latent_upscale_models",
    "custom_nodes", "datasets", "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
    "background_removal", "frame_interpolation", "geometry_estimation", "optical_flow", "detection",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: its description of itself, and its own behaviour."""

    number: str
    system: Mapping[str, Any]  # keys of /system_stats
    names_platform: bool = False  # as `os`: Python's `sys.platform`, where older versions have `os.name`
    features: Mapping[str, Any] = field(default_factory=dict)  # besides those that both have
    model_folders: tuple[str, ...] = _FOLDERS
    interrupts_by_id: bool = True  # otherwise an interrupt ends the running prompt, whatever id it names
    has_jobs: bool = False  # the jobs API
    has_assets: bool = False  # with --enable-assets: an asset in the answer to an upload
    replaces_nodes: bool = False  # a replaced class is renamed before the prompt is checked
    names_causes: bool = False  # of a refused prompt: the missing class, the cycle
    checks_combos: bool = False  # the choices of newer classes before the run
    requires_uuids: bool = False  # as prompt_id
    rewrites_extra_data: bool = False  # secrets are removed, and the time is added
    previews_on_request: bool = False  # samplers send previews only with `preview_method`
    lists_endings: bool = False  # of the files in each folder of models
    checks_model_paths: bool = False  # of models' pictures: the number of the directory, and that they are in it
    lists_whole_cache: bool = True  # as outputs of a run: also those that its targets leave out
    hardens_answers: bool = False  # against foreign pages, and against files with scripts
    separator: str = "/"  # of folders, in names of models and in places of results

    def on_windows(self) -> Version:
        """Return the version as it speaks on Windows."""
        return replace(self, separator="\\")


OLD = Version(
    number=OLDEST,
    system={
        "required_frontend_version": "1.27.10",
        "installed_templates_version": "0.1.95",
        "required_templates_version": "0.1.95",
    },
)
NEW = Version(
    number=NEWEST,
    system={
        "required_frontend_version": "1.48.7",
        "installed_templates_version": "0.11.34",
        "required_templates_version": "0.11.34",
        "comfy_package_versions": [
            {"name": "comfyui-frontend-package", "installed": "1.48.7", "required": "1.48.7"},
            {"name": "comfyui-workflow-templates", "installed": "0.11.34", "required": "0.11.34"},
        ],
        "deploy_environment": "local-git",
    },
    features={
        "supports_model_type_tags": True,
        "extension": {"manager": {"supports_v4": True}},
        "node_replacements": True,
        "assets": False,
    },
    model_folders=_NEW_FOLDERS,
    names_platform=True,
    has_jobs=True,
    has_assets=True,
    replaces_nodes=True,
    names_causes=True,
    checks_combos=True,
    requires_uuids=True,
    rewrites_extra_data=True,
    previews_on_request=True,
    lists_endings=True,
    checks_model_paths=True,
    lists_whole_cache=False,
    hardens_answers=True,
)
ANCIENT = replace(OLD, number="0.3.55", interrupts_by_id=False)
VERSIONS = {version.number: version for version in (OLD, NEW)}

PREVIEW_METHODS = ("auto", "latent2rgb", "taesd")
"""The values of `preview_method` in `extra_data` with which a sampler sends previews; `none` is the default."""
