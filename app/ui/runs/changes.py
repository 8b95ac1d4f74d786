"""How other features change where the next runs go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.core.balancer import Leaning
from app.core.model import ServerId
from app.ui.kit.context import PageContext, set_slices
from app.ui.runs.state import RunsState


def choose_where(context: PageContext, where: str) -> None:
    """Send the next run to a server, or to one of a kind (`server_picker.py`)."""
    set_slices(context, replace(context.ui.of(RunsState), where=where))


def lean(context: PageContext, leanings: Mapping[ServerId, Leaning]) -> None:
    """Replace the servers that this window prefers or avoids."""
    set_slices(context, replace(context.ui.of(RunsState), leanings=leanings))
