"""A WebSocket client that never reads: a raw connection with a tiny receive buffer."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import urllib.parse
from types import TracebackType

RECEIVE_BUFFER = 4096


class StuckReader:
    """An asynchronous context manager whose connection is cut at its end."""

    def __init__(self, url: str, client_id: str) -> None:
        self._host = urllib.parse.urlsplit(url).netloc
        self._client_id = client_id
        self._socket = socket.socket()

    async def __aenter__(self) -> StuckReader:
        host, port = self._host.split(":")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, (host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET /ws?clientId={self._client_id} HTTP/1.1",
            f"Host: {self._host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        await loop.sock_sendall(self._socket, ("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = await loop.sock_recv(self._socket, 12)
        assert answer == b"HTTP/1.1 101", answer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
