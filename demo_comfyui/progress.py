"""What one run sends its client while it runs: node states, progress and previews, in the real server's order."""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

from demo_comfyui.sockets import SocketHub
from wire.frames import PREVIEW, PREVIEW_WITH_METADATA

if TYPE_CHECKING:
    from PIL.Image import Image

    from demo_comfyui.nodes.contract import Images

PREVIEW_SIDE = 512
PREVIEW_QUALITY = 95
_FORMATS = {"JPEG": (1, "image/jpeg"), "PNG": (2, "image/png")}


class Progress:
    """The states of the nodes that this run has started. Sent whole each time, so it grows with the graph.

    With no client_id everything here goes to every socket of the server, as in the real one.
    """

    def __init__(self, hub: SocketHub, prompt_id: str, client_id: str | None) -> None:
        self._hub = hub
        self._prompt_id = prompt_id
        self._client_id = client_id
        self._states: dict[str, dict[str, Any]] = {}
        self._animated: set[str] = set()

    def start(self, node_id: str) -> None:
        """A node begins."""
        self._set(node_id, "running", 0.0, 1.0)

    def finish(self, node_id: str) -> None:
        """A node has ended; a cached one was never started, and counts in whole numbers."""
        top = self._states[node_id]["max"] if node_id in self._states else 1
        self._set(node_id, "finished", top, top)

    def step(self, node_id: str, value: int, total: int, preview: Image | None) -> None:
        """A node has done a step: state, then the preview before or after `progress`, by the client's flags."""
        with_metadata = self._hub.wants_metadata(self._client_id)
        frame = None if preview is None else _encode(preview, "JPEG")
        self._set(node_id, "running", value, total)
        if frame and with_metadata:
            metadata = {**self._identity(node_id), "image_type": _FORMATS["JPEG"][1]}
            header = json.dumps(metadata).encode()
            packed = struct.pack(">I", len(header)) + header + frame
            self._hub.post(PREVIEW_WITH_METADATA, packed, self._client_id)
        data = {"value": value, "max": total, "prompt_id": self._prompt_id, "node": node_id}
        self._hub.post("progress", data, self._client_id)
        if frame and not with_metadata:
            self._hub.post(PREVIEW, struct.pack(">I", _FORMATS["JPEG"][0]) + frame, self._client_id)

    def animate(self, node_id: str, frames: Images, rate: int) -> None:
        """Send an animated preview as VideoHelperSuite does: announced to all clients once, then frame by frame."""
        if node_id not in self._animated:
            self._animated.add(node_id)
            announced = {"length": len(frames), "rate": rate, "id": node_id}
            self._hub.post("VHS_latentpreview", announced)
        for index, frame in enumerate(frames):
            head = struct.pack(">III16p", _FORMATS["JPEG"][0], 1, index, node_id.encode())
            self._hub.post(PREVIEW, head + _encode(frame, "JPEG"), self._client_id)

    def _set(self, node_id: str, state: str, value: float, top: float) -> None:
        if node_id in self._states:
            self._states[node_id].update(value=value, max=top, state=state)
        else:
            self._states[node_id] = {
                "value": value,
                "max": top,
                "state": state,
                **self._identity(node_id),
            }
        nodes = {key: dict(entry) for key, entry in self._states.items()}
        self._hub.post("progress_state", {"prompt_id": self._prompt_id, "nodes": nodes}, self._client_id)

    def _identity(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "prompt_id": self._prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }


def _encode(picture: Image, form: str) -> bytes:
    from PIL import Image, ImageOps

    if max(picture.size) > PREVIEW_SIDE:
        picture = ImageOps.contain(picture, (PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, form, quality=PREVIEW_QUALITY)
    return buffer.getvalue()
