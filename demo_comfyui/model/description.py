"""What a server says of itself: the answers of /features and /system_stats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo_comfyui.model.versions import Version

NO_ASSETS = {
    "error": {
        "code": "SERVICE_DISABLED",
        "message": "Assets system is disabled. Start the server with --enable-assets to use this feature.",
        "details": {},
    }
}
"""The answer (503) of a newer server's routes of assets without `--enable-assets`."""
ONLY_USER = {"storage": "server", "migrated": False}
"""The answer of /users without `--multi-user`."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of a server, and its Python; `platform` is `sys.platform` and `os` is `os.name`."""

    platform: str
    os: str
    python: str
    pytorch: str
    argv: tuple[str, ...]
    total_memory: int
    free_memory: int


def features(version: Version, max_upload: int, *, assets: bool = False, downloads: bool = False) -> dict[str, Any]:
    """Return what a server can do: the answer of /features and of a socket's feature flags."""
    own = {**version.features, **({"assets": True} if assets else {})}
    flags = {"async_model_upload_enabled": True} if downloads else {}
    return {"supports_preview_metadata": True, "max_upload_size": max_upload, **own, **flags}


def system_stats(version: Version, machine: Machine) -> dict[str, Any]:
    """Return machine and version."""
    system = {
        **version.system,
        "os": machine.platform if version.names_platform else machine.os,
        "ram_total": machine.total_memory,
        "ram_free": machine.free_memory,
        "comfyui_version": version.number,
        "python_version": machine.python,
        "pytorch_version": machine.pytorch,
        "embedded_python": False,
        "argv": machine.argv,
    }
    device = {
        "name": "cpu",
        "type": "cpu",
        "index": None,
        "vram_total": machine.total_memory,
        "vram_free": machine.free_memory,
        "torch_vram_total": machine.total_memory,
        "torch_vram_free": machine.free_memory,
    }
    return {"system": system, "devices": [device]}
