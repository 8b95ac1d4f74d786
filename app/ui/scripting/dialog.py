"""The scripting console as a dialog. What is written, run and printed there is the page's JavaScript's
(`static/js/scripting.js`) and its worker's (`app/scripting/`); none of it passes through here.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.kit.state import Dialog

# The examples, by their files in `static/scripts/`, in the order of the list.
EXAMPLES = ("servers", "seeds", "result", "queue_requests", "queue_urllib")


@dataclass(frozen=True, slots=True)
class ScriptingDialog(Dialog):
    """The open drawer."""


@dataclass(frozen=True, slots=True)
class ScriptingState:
    """Whether a script of the user's runs."""

    is_scripting: bool = False
