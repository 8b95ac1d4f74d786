"""Actions of the scripting console: opening it, and noting that a script has begun or ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.state import Dialog, Slice

RUNNING = "running"


# The examples, by their files in `static/scripts/`, in the order of the list.
EXAMPLES = ("servers", "seeds", "result", "queue_requests", "queue_urllib")


@dataclass(frozen=True, slots=True)
class ScriptingDialog(Dialog):
    """The open drawer."""


@dataclass(frozen=True, slots=True)
class ScriptingState(Slice):
    """Whether a script of the user's runs."""

    is_scripting: bool = False


class ScriptingActions:
    """See the module. Nothing here can begin a script: that is a press of a button or of keys in the drawer."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    @action("open-scripting")
    def open_drawer(self) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=ScriptingDialog()))

    @action("script-state")
    def note_state(self, value: str) -> None:
        """Note that a script has begun or ended; the drawer reports it."""
        set_slices(self._context, replace(self._context.ui.of(ScriptingState), is_scripting=value == RUNNING))
