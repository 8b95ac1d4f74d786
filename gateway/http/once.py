"""Which prompts this gateway has sent already, so that none is sent twice.

A prompt_id is no idempotency key for ComfyUI: the same POST twice is two runs. Our page never posts twice, but a
browser does it by itself: when a kept connection breaks before an answer, it repeats the request, POST or not.
This is a net beneath the page's own care, not a state that routing needs: a restarted gateway begins afresh.
"""

from __future__ import annotations

from collections import OrderedDict

from gateway.http.servers import ServerId

REMEMBERED = 10_000  # prompts, about a megabyte; a repetition follows within moments


class SentOnce:
    """The prompts sent lately, oldest first."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._sent: OrderedDict[tuple[ServerId, str], None] = OrderedDict()

    def claim(self, server_id: ServerId, prompt_id: str) -> bool:
        """Whether this prompt may be sent now: true for the first who asks."""
        key = (server_id, prompt_id)
        if key in self._sent:
            return False
        self._sent[key] = None
        while len(self._sent) > self._most:
            self._sent.popitem(last=False)
        return True

    def forget(self, server_id: ServerId, prompt_id: str) -> None:
        """It was certainly not sent after all."""
        self._sent.pop((server_id, prompt_id), None)
