"""Remembers which prompts this gateway has sent, so that none is sent twice.

A prompt_id is no idempotency key for ComfyUI: the same POST twice is two runs. Our page never posts twice, but a
browser may by itself: if a kept-alive connection breaks before the answer, it repeats the request, even a POST.
This only adds safety; routing does not depend on it, and a restarted gateway begins with an empty list.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.servers import ServerId
from wire.refusals import Cause

REMEMBERED = 10_000  # prompts, about a megabyte; a repetition follows within moments


class SentOnce:
    """The recently sent prompts, oldest first."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._sent: OrderedDict[tuple[ServerId, str], None] = OrderedDict()

    @contextmanager
    def claim(self, server_id: ServerId, prompt_id: str) -> Iterator[None]:
        """Enclose the sending of a prompt; `Refused` if it was sent before.

        It may be sent later if a refusal says that it was certainly not sent.
        """
        key = (server_id, prompt_id)
        if key in self._sent:
            message = "This prompt was sent already: look it up in the queue and the history."
            raise RefusedRequest(Refusal(Cause.ALREADY_SENT, message, Sent.UNKNOWN))
        self._sent[key] = None
        while len(self._sent) > self._most:
            self._sent.popitem(last=False)
        try:
            yield
        except RefusedRequest as error:
            if error.refusal.sent is Sent.NO:
                self._sent.pop(key, None)
            raise
