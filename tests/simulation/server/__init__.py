"""A ComfyUI in memory: the protocol of docs/comfyui.md with its traps. Imports nothing from `app/`.

`await server.request(method, path, query, body)` answers like ComfyUI, `server.connect(client_id, …)` is a socket and
`server.upload(…)` a form. One prompt runs at a time, on the running loop's clock. The contract suite checks it like a
demo and a real server.
"""

from __future__ import annotations

from tests.simulation.server.exchange import Answer
from tests.simulation.server.sim import SimServer
from tests.simulation.server.sockets import SimSocket
from tests.simulation.server.versions import ANCIENT, NEW, OLD, VERSIONS, Version

__all__ = ["ANCIENT", "NEW", "OLD", "VERSIONS", "Answer", "SimServer", "SimSocket", "Version"]
