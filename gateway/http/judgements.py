"""The guard's judgements of recent requests. A window repeats a few requests, each with the same headers.

    facts, verdict = judgements.of(request, own_hosts, tags)

`judge` is pure: an equal request, byte for byte, has an equal judgement, as long as names and servers are the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway.http.guard import RequestFacts, Verdict, judge
from gateway.http.own_hosts import OwnHosts

MOST = 256
LARGEST = 8_192  # bytes of a request that is kept

Judgement = tuple[RequestFacts, Verdict]


class Judgements:
    """The judgements of one gateway; the arguments are those of `judge`."""

    def __init__(self, *, is_breakable: bool, has_seals: bool) -> None:
        self._is_breakable, self._has_seals = is_breakable, has_seals
        self._by: tuple[OwnHosts, Mapping[str, str]] | None = None
        self._kept: dict[object, Judgement] = {}  # the oldest first

    def of(self, request: web.BaseRequest, own_hosts: OwnHosts, tags: Mapping[str, str]) -> Judgement:
        """Judge a request."""
        if self._by is None or self._by[0] is not own_hosts or self._by[1] is not tags:
            self._by = own_hosts, tags
            self._kept.clear()
        key = request.method, request.raw_path, request.raw_headers
        known = self._kept.get(key)
        if known is None:
            facts = facts_of(request)
            verdict = judge(facts, own_hosts, tags, is_breakable=self._is_breakable, has_seals=self._has_seals)
            known = facts, verdict
            if len(request.raw_path) + sum(len(name) + len(value) for name, value in request.raw_headers) <= LARGEST:
                if len(self._kept) >= MOST:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = known
        return known


def facts_of(request: web.BaseRequest) -> RequestFacts:
    """Return a request as the guard needs it: nothing decoded, nothing merged."""
    headers = [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in request.raw_headers]
    return RequestFacts(request.method, request.raw_path, tuple(headers))
