"""The messages that a browser has not read yet from its WebSocket: ordered, bounded, without outdated ones.

Pure. Events that no window needs are left out. While a browser is slow, the latest `progress`, `progress_state` and
preview of each prompt (of an animated one, the latest frame of each index) replace the earlier ones. A later one takes
its own place in the order, never that of the one it replaces. Every other event is kept, in order. If the rest grows
past the limits, previews are dropped first; after that the socket must end.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.http.json_reader import Bounds, JsonError, read_json
from wire.events import Event, is_unused, prompt_of_event
from wire.frames import PREVIEW, PREVIEW_WITH_METADATA, prompt_of_preview, read_header

_PROGRESS = {Event.PROGRESS, Event.PROGRESS_STATE}
_HEAD = 64  # bytes at the start, which contain `{"type": "…` in ComfyUI's messages
_METADATA = Bounds(65_536, values=1_000)
_EVENT = Bounds(1_048_576, values=50_000)  # `progress_state` has some 200 bytes for each node

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class QueuedFrame:
    """One message from a server, unchanged."""

    data: bytes
    is_text: bool


class Backlog:
    """A queue of frames. `put` returns False once a browser is too far behind."""

    def __init__(self, *, most_bytes: int, most_frames: int) -> None:
        self._most_bytes = most_bytes
        self._most_frames = most_frames
        self._frames: dict[Key | int, QueuedFrame] = {}  # in order; events under a number, the rest under their key
        self._bytes = 0
        self._count = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def size(self) -> int:
        """The bytes in the queue."""
        return self._bytes

    def put(self, frame: QueuedFrame) -> bool:
        """Add a frame at the end; return False if the limits are exceeded even without previews."""
        if _is_unused(frame):
            return True
        key = overtaking_key(frame)
        if key is not None and key in self._frames:
            self._drop(key)
        self._count += 1
        self._frames[self._count if key is None else key] = frame
        self._bytes += len(frame.data)
        if self._is_full():
            self._drop_previews()
        return not self._is_full()

    def pop(self) -> QueuedFrame | None:
        """Remove and return the oldest frame, or None."""
        for key in self._frames:
            return self._drop(key)
        return None

    def clear(self) -> None:
        """Drop all frames."""
        self._frames.clear()
        self._bytes = 0

    def _is_full(self) -> bool:
        # One frame alone always fits: the socket limits its size.
        return len(self._frames) > self._most_frames or (self._bytes > self._most_bytes and len(self._frames) > 1)

    def _drop_previews(self) -> None:
        for key in [key for key in self._frames if isinstance(key, tuple) and key[0] == "preview"]:
            if self._is_full():
                self._drop(key)

    def _drop(self, key: Key | int) -> QueuedFrame:
        frame = self._frames.pop(key)
        self._bytes -= len(frame.data)
        return frame


def _is_unused(frame: QueuedFrame) -> bool:
    if not frame.is_text or b'"assets.' not in frame.data[:_HEAD]:
        return False
    match _read(frame.data):
        case {"type": str(name)}:
            return is_unused(name)
    return False


def overtaking_key(frame: QueuedFrame) -> Key | None:
    """Return the key under which a later frame replaces this one; None for an event that must be kept."""
    return _text_key(frame.data) if frame.is_text else _binary_key(frame.data)


def _text_key(data: bytes) -> Key | None:
    if b'"progress' not in data[:_HEAD]:
        return None
    match _read(data):
        case {"type": str(name), "data": dict(named)} if name in _PROGRESS:
            return name, prompt_of_event(name, named) or ""
        case {"type": str(name)} if name in _PROGRESS:
            return name, ""
        case _:
            return None


def _read(data: bytes) -> object:
    """Return an event as it was sent; None if it is not JSON within its bounds."""
    try:
        event: object = read_json(data, _EVENT)
    except JsonError:
        return None
    return event


def _binary_key(data: bytes) -> Key | None:
    header = read_header(data)
    if header is None or header.type not in {PREVIEW, PREVIEW_WITH_METADATA}:
        return None
    if header.type == PREVIEW:
        return "preview", "" if header.index is None else f"frame {header.index} of {header.node}"
    try:
        return "preview", prompt_of_preview(read_json(header.metadata, _METADATA)) or ""
    except JsonError:
        return None
