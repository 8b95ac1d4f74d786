"""What a session shows besides the window's records: clicks in progress, previews, the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.errors import MooringError
from app.core.model import NodeId, PromptId, ServerId
from app.core.ports.blobs import Blob
from app.core.server_fingerprint import RestartSign

MOST_FRAMES = 120  # of an animated preview: some five seconds of a film
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Picked:
    """A file that the user picked, with its name; `sha256` is known if its bytes were kept before."""

    blob: Blob
    name: str
    sha256: str = ""


class RunStage(Enum):
    """How far one click on Run has come."""

    RESERVING = "reserving"
    CONNECTING = "connecting"
    UPLOADING = "uploading"
    REGISTERING = "registering"
    SUBMITTING = "submitting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One click on Run until its task shows. A failed one stays, with its error, until it is dismissed."""

    prompt_id: PromptId
    title: str
    started_at: float
    stage: RunStage = RunStage.RESERVING
    server_id: ServerId | None = None
    fraction: float = 0.0  # of the upload, of all files together, in whole percents
    sent: int = 0  # bytes
    size: int = 0
    error: MooringError | None = None
    is_kept: bool = False  # a reload loses nothing of it


@dataclass(frozen=True, slots=True)
class Preview:
    """The latest preview picture of a running task; `serial` differs for each. Its message may name its prompt.

    An animated one also has its latest frames by index, in the order in which they arrived; `rate` of them are shown
    in a second.
    """

    blob: Blob
    media_type: str
    serial: int
    node: NodeId | None = None
    frames: Mapping[int, Preview] = field(default_factory=dict)
    rate: int = 0
    is_named: bool = False

    def as_frame(self, index: int, rate: int, before: Preview | None) -> Preview:
        """Return this picture as the latest frame of an animation, which continues that of the same node."""
        earlier = before.frames if before is not None and before.node == self.node else {}
        frames = {**{key: frame for key, frame in earlier.items() if key != index}, index: self}
        size = sum(frame.blob.size for frame in frames.values())
        for key in [*frames]:
            if len(frames) <= MOST_FRAMES and (size <= MOST_BYTES or len(frames) == 1):
                break
            size -= frames.pop(key).blob.size
        return replace(self, frames=frames, rate=rate)


@dataclass(frozen=True, slots=True)
class Fresh:
    """What has just been kept of an output: its bytes, and its thumbnail if it is a picture."""

    original: Blob | None
    thumbnail: Blob | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFacts:
    """The window's socket as it is now. `url` is read from the live socket, `base` is where it should be.

    closed: not needed · opening: the server has sent nothing yet · open · closing · waiting: before a retry ·
    replaced: another page has this window's client_id; the next attempt needs the user at this window
    """

    server_id: ServerId | None = None
    state: str = "closed"
    url: str = ""
    base: str = ""
    reconnects: int = 0
    deaf: int = 0  # how often it turned out to be deaf
    last_event_at: float | None = None  # by the clock that is never set

    def is_reporting(self, server_id: ServerId, since: float) -> bool:
        """Whether it is open to that server, and has delivered something since then."""
        is_open = self.server_id == server_id and self.state == "open"
        return is_open and self.last_event_at is not None and self.last_event_at > since


@dataclass(frozen=True, slots=True)
class Noticed:
    """The latest change noticed on a server (a restart, a lost history, another ComfyUI), with its time."""

    sign: RestartSign
    at: float
