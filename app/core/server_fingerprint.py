"""What a window remembers of a server, to detect a restart or another ComfyUI at its address.

ComfyUI has no boot id (docs/comfyui.md 1 and 8), so identity is inferred: its prompt counter only rises
while it lives, a prompt that was in its history stays there, and its versions and devices do not change. A
contradiction is recorded as a reason, and all tasks of that server are polled; it ends none.

    known = learned_fingerprint(tasks)                   # from this window's own records
    known, sign = known.numbered(12, before=known)       # POST /prompt answered number 12
    known, sign = known.described("0.3.64 …")            # GET /system_stats
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from app.core.model import PromptId, Task


class RestartSign(Enum):
    """Why this is not the server process that the window knew."""

    NUMBER_FELL = "number_fell"
    HISTORY_GONE = "history_gone"
    ANOTHER = "another"  # other versions or devices: upgraded, or another ComfyUI at that address


@dataclass(frozen=True, slots=True)
class ServerFingerprint:
    """The last known number of its counter, a prompt known to be in its history, and its description.

    `changes` counts how often it has turned out to be another process.
    """

    number: float | None = None
    known: PromptId | None = None
    description: str = ""
    changes: int = 0

    def numbered(self, number: float | None, before: ServerFingerprint) -> tuple[ServerFingerprint, RestartSign | None]:
        """Learn the number that answered a POST; `before` is what was known when it was sent.

        A later POST may have been answered first, and may have shown the restart already. This number is of the new
        process then if it has fallen too; else it may be of either. `front` gives negative numbers, which show nothing.
        """
        if number is None or number < 0:
            return self, None
        has_fallen = before.number is not None and number <= before.number
        is_noticed = self.changes != before.changes
        if has_fallen and not is_noticed:
            return replace(self, number=number, known=None, changes=self.changes + 1), RestartSign.NUMBER_FELL
        if is_noticed and not has_fallen:
            return self, None
        return replace(self, number=max(number, self.number or 0.0)), None

    def finished(self, prompt_id: PromptId) -> ServerFingerprint:
        """The fingerprint after history has shown that prompt."""
        return replace(self, known=prompt_id)

    def forgotten(self) -> tuple[ServerFingerprint, RestartSign | None]:
        """The fingerprint after history has lost the prompt that it had shown."""
        return replace(self, known=None), RestartSign.HISTORY_GONE if self.known is not None else None

    def described(self, description: str) -> tuple[ServerFingerprint, RestartSign | None]:
        """The fingerprint after the server described itself."""
        is_other = bool(self.description) and description != self.description
        if is_other:
            return ServerFingerprint(description=description, changes=self.changes + 1), RestartSign.ANOTHER
        return replace(self, description=description), None


def learned_fingerprint(tasks: Iterable[Task]) -> ServerFingerprint:
    """The fingerprint from the records of tasks on one server: the latest number, and the latest proven end."""
    ordered = sorted(tasks, key=lambda task: task.created_at)
    numbers = [number for task in ordered if (number := task.progress.number) is not None and number >= 0]
    proven = [task.prompt_id for task in ordered if task.end.is_proven and task.end.server_ended_ms is not None]
    return ServerFingerprint(numbers[-1] if numbers else None, proven[-1] if proven else None)
