"""The scripting console: noting that a script has begun or ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.state import Dialog, Slice

RUNNING = "running"


# The names of the examples' files in `static/scripts/`, in the order of the list.
EXAMPLES = ("servers", "seeds", "result", "queue_requests", "queue_urllib")


@dataclass(frozen=True, slots=True)
class ScriptingDialog(Dialog):
    """The open drawer."""


@dataclass(frozen=True, slots=True)
class ScriptingState(Slice):
    """Whether one of the user's scripts is running."""

    is_scripting: bool = False


class ScriptingActions:
    """Actions of the drawer. None starts a script: only a button or keys in the drawer do."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    @action("script-state")
    def note_state(self, value: str) -> None:
        """Note that a script has begun or ended; the drawer reports it."""
        set_slices(self._context, replace(self._context.ui.of(ScriptingState), is_scripting=value == RUNNING))
