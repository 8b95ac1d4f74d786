"""Each server's node catalogue, stored by content: a hundred equal servers share one.

A catalogue is read once for each process of a server, and when a user requests that: writing it blocks ComfyUI's event
loop for seconds, and with assets it starts a scan of all folders. It is split in two: the nodes, and `files`, the lists
of files in the input folder, which every upload changes. Both are reported as hashes with the fleet's state and served
at `/catalogues/{hash}`, which never changes and may be cached for ever. One line per class, `"KSampler":{…}`, so that a
page need not parse five megabytes to know one node.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp import web

from gateway.fleet.catalogue_contents import Content, NodeClasses, is_any, read_contents
from gateway.fleet.probes import StatusError, ask, judge_failure
from gateway.fleet.server_answers import CATALOGUE, NotComfyError
from gateway.fleet.state import FleetState, HeldCatalogue
from gateway.http.deadlines import Deadlines
from gateway.http.headers import OWN_HEADERS
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.tasks import start_task
from wire.refusals import Cause

MOST_BYTES = 200_000_000  # of compressed catalogues; the least recently requested are dropped first
AT_A_TIME = 4  # servers; each may have megabytes to read

_log = logging.getLogger(__name__)


class Catalogues:
    """Reads and stores catalogues."""

    def __init__(
        self,
        state: FleetState,
        upstreams: Mapping[ServerId, Upstream],
        deadlines: Deadlines,
        shows: Callable[[str], bool] = is_any,
        private: str = "",
    ) -> None:
        self._state = state
        self._shows = shows  # which files all users may see
        self._private = private  # the folder of users' uploads, if there are users
        self._upstreams = upstreams
        self._deadlines = deadlines
        self._kept: OrderedDict[str, Content] = OrderedDict()
        self._classes: dict[str, NodeClasses] = {}  # by the hash of a stored content
        self._reads: dict[ServerId, asyncio.Task[None]] = {}
        self._read_at: dict[ServerId, float] = {}  # by the loop's clock
        self._places = asyncio.Semaphore(AT_A_TIME)

    def read_soon(self, server_id: ServerId) -> asyncio.Task[None]:
        """Read a server's catalogue; callers that come during a read share it."""
        read = self._reads.get(server_id)
        if read is None:
            read = self._reads[server_id] = start_task(self._read(server_id))
            read.add_done_callback(lambda done: self._forget(server_id, done))
        return read

    def _forget(self, server_id: ServerId, read: asyncio.Task[None]) -> None:
        if self._reads.get(server_id) is read:
            del self._reads[server_id]

    def drop(self, server_id: ServerId) -> None:
        """Forget a server that has left the fleet."""
        self._reads.pop(server_id, None)
        self._read_at.pop(server_id, None)

    def read_missing(self, server_id: ServerId) -> None:
        """Read a server's catalogue if no read has succeeded yet."""
        if not self._state.catalogue(server_id).nodes:
            self.reread(server_id)

    def reread(self, server_id: ServerId) -> None:
        """Read a server's catalogue, unless that was tried recently."""
        read_at = self._read_at.get(server_id)
        now = asyncio.get_running_loop().time()
        if read_at is None or now - read_at >= self._deadlines.catalogue_fresh:
            self._read_at[server_id] = now  # also after a failure, so that not every window repeats the request
            self.read_soon(server_id)

    async def refresh(self, server_id: ServerId) -> None:
        """Read the catalogue now, and return when that has succeeded or failed."""
        under_way = self._reads.get(server_id)
        if under_way is not None:  # it may have begun before the change
            await asyncio.shield(under_way)
        await asyncio.shield(self.read_soon(server_id))

    def get(self, content_hash: str) -> Content | None:
        """Return a stored content, or None."""
        content = self._kept.get(content_hash)
        if content is not None:
            self._kept.move_to_end(content_hash)
        return content

    async def node_classes(self, server_id: ServerId) -> NodeClasses | None:
        """Return the server's node classes; None if it does not list them."""
        for _ in range(2):
            content = self.get(self._state.catalogue(server_id).nodes)
            if content is not None:
                return self._classes[content.hash]
            await self.refresh(server_id)
        return None

    def has_read(self, server_id: ServerId) -> bool:
        """Whether the server's catalogue is stored here."""
        return self._state.catalogue(server_id).nodes in self._kept

    async def close(self) -> None:
        """Stop reading."""
        reads = list(self._reads.values())
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    async def _read(self, server_id: ServerId) -> None:
        upstream = self._upstreams.get(server_id)
        if upstream is None:
            return
        try:
            async with self._places, asyncio.timeout(self._deadlines.catalogue):
                nodes, files, classes = await ask(
                    upstream, "/object_info", CATALOGUE, read_contents, self._shows, self._private
                )
        except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
            _log.info("%s: no catalogue (%s)", server_id, judge_failure(error).detail)
            return  # keep the known one
        except RefusedRequest:
            return
        if self._upstreams.get(server_id) is not upstream:  # another server has this id now
            return
        self._read_at[server_id] = asyncio.get_running_loop().time()
        self._keep(nodes, files)
        self._classes = {known: self._classes[known] for known in self._classes.keys() & self._kept.keys()}
        self._classes[nodes.hash] = classes
        self._state.note_catalogue(server_id, HeldCatalogue(nodes.hash, files.hash))

    def _keep(self, *contents: Content) -> None:
        for content in contents:
            self._kept[content.hash] = content
            self._kept.move_to_end(content.hash)
        while len(self._kept) > len(contents) and sum(len(item.packed) for item in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)


def catalogue_answer(request: web.BaseRequest, content: Content | None) -> web.Response:
    """Answer with a content, which may be cached for ever; `Refused` if this gateway does not have it any more."""
    if content is None:
        raise RefusedRequest(Refusal(Cause.NOT_LISTED, "This catalogue is outdated; request the present one."))
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    packing = {"Content-Encoding": "gzip"} if is_packed else {}
    return web.Response(
        body=content.packed if is_packed else content.plain(),
        headers=OWN_HEADERS
        | packing
        | {
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
        },
    )
