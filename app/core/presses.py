"""A press of Run as the tab keeps it, from the click until the store has it, so that a reload keeps it too.

    text = write_presses([press])                   # for the tab's session storage; None if it does not fit
    read_presses(text) == (press,)

It has all that its runs need (the workflow with its values, the names and hashes of files), so that no form and no
server are needed to carry it out after a reload. The bytes of files are not in it. `LONGEST` bounds all presses of a
tab together; the text is compressed, since a workflow is some ten times as long.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from app.core.model import PromptId, WindowId
from app.core.records import BROKEN, BrokenRecord, decode, encode
from app.core.waiting_runs import Batch, WaitingRun

LONGEST = 64 * 1024  # characters
MOST_READ = 64 * 1024 * 1024  # bytes of what was written, against a damaged text


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press: its first run has its id, and so has the batch of several.

    `window_id` is the window that it was made in: a copied tab has the text too, and runs nothing of it while that
    window lives. A private window writes no more than the ids (`redacted`).
    """

    prompt_id: PromptId
    window_id: WindowId
    at: float
    batch: Batch | None = None
    entries: tuple[WaitingRun, ...] = field(default=())
    editor: str = ""  # the copy of the editor's file
    senders: int | None = None

    @property
    def redacted(self) -> Press:
        """The press without any text of the user's."""
        return replace(self, batch=None, entries=(), editor="", senders=None)


def write_presses(presses: Iterable[Press]) -> str | None:
    """The presses as text; None if they do not fit into `LONGEST`."""
    data = json.dumps([encode(press) for press in presses], ensure_ascii=False).encode("utf-8", "surrogatepass")
    text = base64.b64encode(zlib.compress(data, 1)).decode()
    return text if len(text) <= LONGEST else None


def read_presses(text: str) -> tuple[Press, ...]:
    """The presses that were written; BrokenRecord if the text is damaged, or of a newer version."""
    if not text:
        return ()
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text), MOST_READ)
        return tuple(decode(Press, record) for record in json.loads(data.decode("utf-8", "surrogatepass")))
    except (ValueError, TypeError, zlib.error) as error:
        raise BrokenRecord("read_presses", BROKEN, str(error)) from error
