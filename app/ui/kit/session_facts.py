"""What the page reads of a session and of its pictures: the window's own, and in tests plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from app.core.errors import MooringError, NotYourTurn, StorageError
from app.core.eta import Outlook
from app.core.file_runs import FileRuns
from app.core.model import BatchId, Fleet, PromptId, ServerId, Task
from app.core.ports.blobs import Usage
from app.core.ports.windows import Identity
from app.core.progress import Progress
from app.core.waiting_runs import WaitingRuns
from app.core.window import Restoring, Window
from app.session import Noticed, Orphan, OrphanLine, OrphanRecord, Preview, Run
from app.ui.kit.image_addresses import Original, ShownPreview


class FeedFacts(Protocol):
    """What the page reads of the files that wait for their turn."""

    @property
    def works(self) -> tuple[FileRuns, ...]: ...
    @property
    def error(self) -> MooringError | None: ...
    def held(self, batch_id: BatchId) -> Mapping[int, object]: ...
    def is_remembered(self, batch_id: BatchId) -> bool: ...


class LineFacts(Protocol):
    """What the page reads of a session's waiting runs."""

    @property
    def line(self) -> WaitingRuns | None: ...
    @property
    def error(self) -> StorageError | None: ...
    @property
    def sending(self) -> frozenset[PromptId]: ...
    @property
    def shown_sending(self) -> frozenset[PromptId]: ...
    @property
    def turn(self) -> NotYourTurn | None: ...
    @property
    def refusal(self) -> MooringError | None: ...
    @property
    def stalled_by(self) -> MooringError | None: ...
    @property
    def orphans(self) -> tuple[OrphanLine, ...]: ...
    @property
    def files(self) -> FeedFacts: ...


class ResultsFacts(Protocol):
    """What the page reads of the kept results."""

    @property
    def usage(self) -> Usage | None: ...


class SessionFacts(Protocol):
    """What the page reads of a session."""

    @property
    def window(self) -> Restoring | Window | None: ...
    @property
    def windows(self) -> tuple[Window, ...]: ...
    @property
    def identity(self) -> Identity | None: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def fleet_error(self) -> MooringError | None: ...
    @property
    def store_error(self) -> StorageError | None: ...
    @property
    def progress(self) -> Mapping[PromptId, Progress]: ...
    @property
    def previews(self) -> Mapping[PromptId, Preview]: ...
    def outlook(self, task: Task) -> Outlook: ...
    @property
    def runs(self) -> tuple[Run, ...]: ...
    @property
    def has_loose_ends(self) -> bool: ...
    @property
    def stalled(self) -> frozenset[PromptId]: ...
    def still_for(self, prompt_id: PromptId) -> float: ...
    @property
    def noticed(self) -> Mapping[ServerId, Noticed]: ...
    @property
    def orphans(self) -> tuple[Orphan, ...]: ...
    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]: ...
    @property
    def results(self) -> ResultsFacts: ...
    @property
    def line(self) -> LineFacts: ...


class Pictures(Protocol):
    """Addresses of pictures; empty while there is none."""

    def preview(self, prompt_id: PromptId) -> ShownPreview:
        """Return the latest preview."""

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        """Return the address of a thumbnail."""

    def glimpse_url(self, prompt_id: PromptId) -> str:
        """Return the address of a thumbnail for a task of a closed window."""

    def original(self, prompt_id: PromptId, index: int) -> Original:
        """Return a result's own bytes."""
