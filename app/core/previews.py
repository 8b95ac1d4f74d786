"""Previews of running tasks: the user's choice, and the method that a prompt asks its server for."""

from __future__ import annotations

from enum import Enum

from app.core.model import Server


class Previews(Enum):
    """The user's choice of previews."""

    AUTOMATIC = "automatic"  # the server's own method if its operator chose one, else ComfyUI's choice
    OFF = "off"
    FAST = "fast"
    BEST = "best"


_METHODS = {Previews.OFF: "none", Previews.FAST: "latent2rgb", Previews.BEST: "taesd"}


def preview_method(choice: Previews, server: Server | None) -> str:
    """Return the `extra_data.preview_method` of a prompt for this server (docs/comfyui.md 2)."""
    has_own = server is not None and bool(server.preview_method)
    return _METHODS.get(choice, "default" if has_own else "auto")
