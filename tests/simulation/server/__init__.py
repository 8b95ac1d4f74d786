"""A ComfyUI in memory: the model of `demo_comfyui/model/`, with files in memory and the running loop's clock.

`await server.request(method, path, query, body)` answers like ComfyUI, `server.connect(client_id, …)` is a socket and
`server.upload(…)` a form. The contract suite checks it like a
demo and a real server.
"""

from __future__ import annotations

from demo_comfyui.model.versions import ANCIENT, NEW, OLD, VERSIONS, Version
from tests.simulation.server.exchange import Answer
from tests.simulation.server.sim import SimServer
from tests.simulation.server.sockets import SimSocket

__all__ = ["ANCIENT", "NEW", "OLD", "VERSIONS", "Answer", "SimServer", "SimSocket", "Version"]
