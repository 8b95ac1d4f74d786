"""Remembers which prompts this gateway has sent, so that none is sent twice.

A prompt_id is no idempotency key for ComfyUI: the same POST twice is two runs. Our page never posts twice, but a
browser may by itself: if a kept-alive connection breaks before the answer, it repeats the request, even a POST.
This only adds safety; routing does not depend on it, and a restarted gateway begins with an empty list.
"""

from __future__ import annotations

from collections import OrderedDict

from gateway.http.servers import ServerId

REMEMBERED = 10_000  # prompts, about a megabyte; a repetition follows within moments


class SentOnce:
    """The recently sent prompts, oldest first."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._sent: OrderedDict[tuple[ServerId, str], None] = OrderedDict()

    def claim(self, server_id: ServerId, prompt_id: str) -> bool:
        """Return whether this prompt may be sent now: True for the first caller."""
        key = (server_id, prompt_id)
        if key in self._sent:
            return False
        self._sent[key] = None
        while len(self._sent) > self._most:
            self._sent.popitem(last=False)
        return True

    def forget(self, server_id: ServerId, prompt_id: str) -> None:
        """Allow this prompt after all, because it was certainly not sent."""
        self._sent.pop((server_id, prompt_id), None)
