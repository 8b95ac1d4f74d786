"""The panels behind the header's buttons, *Fleet* and *Windows*: which is open, and what is read for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.core.model import PromptId, ServerId, WindowId
from app.core.roster import Berthing, Roster, RosterSource, Signals
from app.core.server_stats import ServerStats, VitalsSource
from app.ui.fleet.admin import AdminState


@dataclass(frozen=True, slots=True)
class FleetDialog:
    """The servers, and which window was moored where; `deeds` are of whoever runs the fleet."""

    deeds: AdminState = field(default_factory=AdminState)


@dataclass(frozen=True, slots=True)
class WindowsDialog:
    """The windows of this browser; `asked` is the one that was asked to show itself."""

    asked: WindowId | None = None


PanelDialog = FleetDialog | WindowsDialog


@dataclass(frozen=True, slots=True)
class PanelSources:
    """Where the panels look: at the other windows, and at the servers."""

    roster: RosterSource
    vitals: VitalsSource
    signals: Signals


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """What was read for an open panel; None until then. `sight` gives the address of a task's thumbnail."""

    roster: Roster | None = None
    berthings: tuple[Berthing, ...] = ()
    vitals: Mapping[ServerId, ServerStats] = field(default_factory=dict)
    is_unreadable: bool = False  # the store could not be read
    sight: Callable[[PromptId], str] = lambda _prompt_id: ""


NOTHING_READ = PanelFacts()
