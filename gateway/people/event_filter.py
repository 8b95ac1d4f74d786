"""Which events of a server's socket a user receives, and which of their messages the server receives.

ComfyUI sends events of a prompt to the socket of its client_id, but a prompt that was posted without one (not through
a gateway) broadcasts its progress and previews, and custom nodes broadcast what they like. So an event passes once the
server's own queue or history has shown that its prompt is this user's, which is checked once for each prompt. What is
about the running prompt and does not name it passes while the last event of this socket was about a running prompt of
this user: a server runs one prompt at a time. An event that `wire.events` does not declare is dropped and counted.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.http.backlog import QueuedFrame
from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.people.seals import KEY
from wire.events import ABOUT, About, Event, prompt_of_event
from wire.frames import PREVIEW, PREVIEW_WITH_METADATA, TEXT, prompt_of_preview, read_header

MOST_PROMPTS = 1_000  # whose owners are remembered; a window has few
_METADATA = Bounds(65_536, values=1_000)
_FROM_BROWSER = Bounds(65_536, values=1_000)
_EVENT = Bounds(4_194_304)  # some nodes put whole pictures into their outputs

# Whether a prompt is the user's, or None if unknown; an argument of None means the running prompt.
Asks = Callable[[str | None], Awaitable[bool | None]]
Undeclared = Callable[[str], None]  # counts an undeclared event, by its type
Seals = Callable[[dict[str, Any], float | None], Awaitable[None]]  # seals an event's files, given when its prompt began


class EventFilter:
    """The filter of one socket. `down` and `up` decide what passes."""

    def __init__(self, client_id: str, owns: Asks, seal: Seals, on_undeclared: Undeclared) -> None:
        self._client_id = client_id  # as the browser knows it
        self._owns = owns
        self._seal = seal
        self._on_undeclared = on_undeclared
        self._verdicts: OrderedDict[str, bool] = OrderedDict()
        self._began: OrderedDict[str, float] = OrderedDict()  # start times of prompts, by the server's clock
        self._runs_own = False  # whether the running prompt is the user's

    def up(self, text: bytes) -> bool:
        """Return whether a browser's text passes: only its feature flags do."""
        try:
            message = read_json(text, _FROM_BROWSER, is_strict=True)
        except JsonError:
            return False
        return isinstance(message, dict) and message.get("type") == Event.FEATURE_FLAGS

    async def down(self, frame: QueuedFrame) -> QueuedFrame | None:
        """Return the frame for this user; None if it is not for them."""
        if not frame.is_text:
            return frame if await self._passes_binary(frame.data) else None
        try:
            message = read_json(frame.data, _EVENT)
        except JsonError:
            return None
        match message:
            case {"type": Event.STATUS, "data": dict(data)}:
                status = {**data, "sid": self._client_id} if "sid" in data else data
                return _text({"type": Event.STATUS, "data": status})
            case {"type": str(name), "data": dict(data)} if name in ABOUT:
                return await self._event(name, data, frame)
            case {"type": str(name)} if name not in ABOUT:
                self._on_undeclared(name)
        return None

    async def _event(self, name: str, data: dict[str, Any], frame: QueuedFrame) -> QueuedFrame | None:
        match ABOUT[name]:
            case About.SERVER:
                return frame
            case About.RUNNING:
                return frame if self._runs_own else None
        prompt_id = prompt_of_event(name, data)
        if prompt_id is None:
            is_about_running = name == Event.EXECUTING and "prompt_id" not in data
            return frame if is_about_running and await self._owns(None) else None
        if not await self._is_own(prompt_id):
            return None
        self._runs_own = not (name == Event.EXECUTING and data.get("node") is None)
        if name == Event.EXECUTION_START:
            self._note_start(prompt_id, data.get("timestamp"))
        if name != Event.EXECUTED:
            return frame
        await self._seal(data, self._began.get(prompt_id))
        drop_unsealed(data.get("output"))
        return _text({"type": name, "data": data})

    def _note_start(self, prompt_id: str, milliseconds: object) -> None:
        if isinstance(milliseconds, int | float):
            self._began[prompt_id] = max(milliseconds / 1_000, self._began.get(prompt_id, 0.0))
            while len(self._began) > MOST_PROMPTS:
                self._began.popitem(last=False)

    async def _passes_binary(self, data: bytes) -> bool:
        header = read_header(data)
        if header is None:
            return False
        if header.type in {PREVIEW, TEXT}:  # these name no prompt
            return self._runs_own
        if header.type != PREVIEW_WITH_METADATA:
            return False
        try:
            prompt_id = prompt_of_preview(read_json(header.metadata, _METADATA))
        except JsonError:
            return False
        return prompt_id is not None and await self._is_own(prompt_id)

    async def _is_own(self, prompt_id: str) -> bool:
        known = self._verdicts.get(prompt_id)
        if known is None:
            known = await self._owns(prompt_id)
            if known is None:
                return False  # the next event checks again
            self._verdicts[prompt_id] = known
            while len(self._verdicts) > MOST_PROMPTS:
                self._verdicts.popitem(last=False)
        return known


def drop_unsealed(output: object) -> None:
    """Remove the files that are not proven yet from an event; the history has them, sealed, after the run."""
    if isinstance(output, dict):
        for shown, items in output.items():
            if isinstance(items, list):
                output[shown] = [item for item in items if not _is_unsealed(item)]


def _is_unsealed(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("filename"), str) and KEY not in item


def _text(message: object) -> QueuedFrame:
    return QueuedFrame(json.dumps(message).encode(), is_text=True)
