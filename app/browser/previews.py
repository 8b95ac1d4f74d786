"""The last preview of each running task, kept small for a reload, in this browser's store.

It is stored among the thumbnails, under a name that no result has, so that code that deletes those of a task deletes
it too, even in an older page. Its line in `ledger` has a kind of its own, so that it does not count as a thumbnail of
a result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.browser.blobs import js_blob, to_js_blob
from app.browser.idb import Database, Steps
from app.browser.ledger import LEDGER, PREVIEWS, TASKS, THUMBNAILS, blob_of, make_row, name_of
from app.browser.thumbnails import make_thumbnail
from app.browser.values import from_plain, plain
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob

MOST = 24  # of at most some 20 kB

Fence = Callable[[Any, str, Task], Steps[Task]]


class BrowserPreviews:
    """The part of the store with previews."""

    _database: Database
    _fence: Fence

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        """Keep a running task's last preview, small. False if it is no picture, or if the task has ended."""
        small = await make_thumbnail(js_blob(blob, media_type) or await to_js_blob(blob))
        if small is None:
            return False
        row = await make_row(self._database, small, at=kept_at)

        def steps(transaction: Any) -> Steps[bool]:
            if (yield from self._fence(transaction, "keep_preview", task)).state.is_end:
                return False
            name = _line(task.prompt_id)
            rows = from_plain((yield transaction.objectStore(LEDGER).index("kind").getAll(PREVIEWS)))  # they are few
            rows.sort(key=lambda row: row["at"])
            others = [row["name"] for row in rows if row["name"] != name]
            for other in others[: max(0, len(others) + 1 - MOST)]:
                _delete(transaction, other)
            transaction.objectStore(THUMBNAILS).put(row, name.removeprefix(_PREFIX))
            line = {"name": name, "kind": PREVIEWS, "size": int(small.size), "at": kept_at}
            transaction.objectStore(LEDGER).put(plain(line))
            return True

        return await self._database.run("keep_preview", [TASKS, THUMBNAILS, LEDGER], steps, write=True)

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        """The kept preview, or None."""

        def steps(transaction: Any) -> Steps[Blob | None]:
            row = yield transaction.objectStore(THUMBNAILS).get(name_of(prompt_id, "preview"))
            return None if row is None else blob_of(row)

        return await self._database.run("read_preview", [THUMBNAILS], steps)

    async def delete_preview(self, prompt_id: PromptId) -> None:
        """Delete the kept preview; nothing happens if there is none."""

        def steps(transaction: Any) -> Steps[None]:
            _delete(transaction, _line(prompt_id))
            yield transaction.objectStore(LEDGER).count()

        await self._database.run("delete_preview", [THUMBNAILS, LEDGER], steps, write=True)


_PREFIX = f"{THUMBNAILS}/"


def _line(prompt_id: PromptId) -> str:
    return f"{_PREFIX}{name_of(prompt_id, 'preview')}"


def _delete(transaction: Any, name: str) -> None:
    transaction.objectStore(THUMBNAILS).delete(name.removeprefix(_PREFIX))
    transaction.objectStore(LEDGER).delete(name)
