"""The port for ended tasks that no window holds any more; their rows are `core/past.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from app.core.model import PromptId, Task
from app.core.past import PastTask


class PastStore(Protocol):
    """Where ended tasks lie that no window holds any more: whole records, and a row of each. Part of the same store."""

    async def lay_by(self, task: Task) -> None:
        """Move an ended task there, with its row, in one transaction; its bytes and inputs stay. Fenced like `update`.
        InvalidTransition if it is not settled (`core/past.py`)."""

    async def read_past_ids(self) -> Sequence[PromptId]:
        """All of them, the latest end first."""

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """The rows of these, in their order; those that are not there, or cannot be read, are left out."""

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        """The whole record of one, or None; BrokenRecord if it cannot be read."""

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        """Delete these, with their results, and with the inputs that only they had; those not there are left out."""
