"""The settings of one demo server at its start: address, folders, speed, limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demo_comfyui.catalogue import catalogue_of
from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.versions import NEW, Version


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags of one server process. `data` holds input/, output/, temp/ and user/."""

    host: str
    port: int
    data: Path
    faults: bool = False
    until_eof: bool = False
    step_seconds: float = 0.12
    """Seconds that each step of the slow demo nodes takes, so that users can watch."""
    max_upload_bytes: int = 100 * 1024 * 1024
    version: Version = NEW
    """The version of ComfyUI whose protocol it speaks."""
    assets: bool = False
    """Whether it was started with `--enable-assets`."""
    downloads: bool = False
    """Whether it downloads models, as newer servers may."""
    stamp: str = ""
    """A name to write into the `server` text of every PNG, which tells whose picture it is."""
    cors: str = ""
    """The origin whose pages may read the answers, or `*`; empty is ComfyUI without the flag."""
    argv: tuple[str, ...] = ()

    @property
    def catalogue(self) -> Catalogue:
        """The node classes."""
        return catalogue_of(self.version.number, self.version.separator)
