"""What was read for the form beside the workflow: the person's papers, and what the servers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.workflows.forms.presets import Preset
from app.workflows.needs import Runnability


@dataclass(frozen=True, slots=True)
class RemoteList:
    """Choices that lie on a server, or why they are not known."""

    options: tuple[str, ...] = ()
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """As it was read last; nothing of it is the person's part of this window."""

    presets: tuple[Preset, ...] = ()  # of all workflows, in the order of their names
    recent: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # by class and input
    lists: Mapping[str, RemoteList] = field(default_factory=dict)  # by the route where they lie
    standings: Mapping[str, Runnability] = field(default_factory=dict)  # by workflow: where it can run
    is_looking: bool = False  # while the servers' catalogues are read again
