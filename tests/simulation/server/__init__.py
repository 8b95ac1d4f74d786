"""A ComfyUI in memory: the protocol of docs/comfyui.md with its traps, a second opinion. Imports nothing from `app/`.

`await server.request(method, path, query, body)` answers like the real one, `server.connect(client_id, …)` is a socket
and `server.upload(…)` a form. One prompt runs at a time, on the running loop's clock. The contract suite asks of it
what it asks of a demo and of a real server.
"""

from __future__ import annotations

from tests.simulation.server.exchange import Answer
from tests.simulation.server.sim import SimServer
from tests.simulation.server.sockets import SimSocket

__all__ = ["Answer", "SimServer", "SimSocket"]
