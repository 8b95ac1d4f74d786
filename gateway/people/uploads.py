"""A user's upload: the file streams through, and the gateway alone decides where it is stored.

Only the file itself is passed on from the browser's form. It is stored in the user's own folder among the inputs,
and overwrites nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from gateway.http.headers import request_headers
from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.http.moving_deadline import MovingDeadline
from gateway.http.proxy import invite, upload_ended
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.upstream import Upstream
from gateway.people.user import User
from wire.file_inputs import PLAYLIST_HEAD, is_playlist
from wire.file_names import is_unambiguous
from wire.refusals import Cause

FIELD = "image"  # ComfyUI's name of the field, for any kind of file
LONGEST_FIELD = 4_096  # bytes of another field, which is skipped
MOST_FIELDS = 16
LARGEST_ANSWER = 65_536
LONGEST_NAME = 200  # characters
_CHUNK = 65_536


async def pass_upload(request: web.BaseRequest, upstream: Upstream, user: User, largest: int) -> dict[str, Any]:
    """Upload the file and return the server's answer, which says where it is; `Refused` if that fails."""
    length = request.content_length
    if length is not None and length > largest:
        raise RefusedRequest(_too_large(upstream, largest, Sent.NO))
    async with upstream.place(upstream.uploads) as ticket:
        invite(request)
        deadline = MovingDeadline(upstream.deadlines.idle)
        upload = _Upload(request, upstream, deadline, largest)
        ticket.give_back = upload.end
        try:
            async with deadline:
                part = await upload.find()
                return await upload.pass_on(part, user)
        except RefusedRequest:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise RefusedRequest(upload.fault or upstream.explain(error)) from error


class _Upload:
    def __init__(self, request: web.BaseRequest, upstream: Upstream, deadline: MovingDeadline, largest: int) -> None:
        self._request = request
        self._upstream = upstream
        self._deadline = deadline
        self._largest = largest
        self._head = b""  # of the file, read before anything is sent
        self.fault: Refusal | None = None

    def end(self) -> None:
        """End the upload, because others are waiting."""
        self.fault = upload_ended(self._upstream)
        self._deadline.expire()

    async def find(self) -> BodyPartReader:
        """Return the part that is the file; small parts before it are skipped."""
        try:
            reader = MultipartReader(self._request.headers, self._request.content)
            for _ in range(MOST_FIELDS):
                part = await reader.next()
                if part is None or not isinstance(part, BodyPartReader):
                    break
                if part.name == FIELD:
                    return part
                await self._skip(part)
        except (ValueError, web.RequestPayloadError, HttpProcessingError) as error:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The upload is not framed as it says.")) from error
        raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "The upload has no file in it."))

    async def _skip(self, part: BodyPartReader) -> None:
        read = 0
        while chunk := await part.read_chunk(_CHUNK):
            self._deadline.moved(len(chunk))
            read += len(chunk)
            if read > LONGEST_FIELD:
                raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "A field of the upload is too long."))

    async def pass_on(self, part: BodyPartReader, user: User) -> dict[str, Any]:
        """Send the file under its own name into this user's folder; `Refused` if it names further files."""
        filename = _name(part)
        self._head = await self._read_head(part)
        if is_playlist(filename, self._head):
            message = (
                "A playlist is refused: a server would open the files that it names. Upload the film or sound itself."
            )
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, message))
        form = aiohttp.MultipartWriter("form-data")
        for name, value in (("type", "input"), ("subfolder", user.folder)):
            form.append(value).set_content_disposition("form-data", name=name)
        payload = form.append(self._pour(part), {"Content-Type": "application/octet-stream"})
        payload.set_content_disposition("form-data", quote_fields=False, name=FIELD, filename=filename)
        headers = request_headers(self._request.headers, origin=self._upstream.origin)
        headers["Content-Type"] = form.headers["Content-Type"]
        session = self._upstream.session(is_fresh=True)
        url = self._upstream.url("/upload/image")
        async with session.request("POST", url, data=form, headers=headers) as reply:
            self._deadline.renew()
            body = self._upstream.secrets.mask(await reply.content.read(LARGEST_ANSWER))
        return _described(self._upstream, reply.status, body)

    async def _read_head(self, part: BodyPartReader) -> bytes:
        head = bytearray()
        try:
            while len(head) < PLAYLIST_HEAD and (chunk := await part.read_chunk(_CHUNK)):
                self._deadline.moved(len(chunk))
                head += chunk
        except (ValueError, web.RequestPayloadError, HttpProcessingError) as error:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The upload is not framed as it says.")) from error
        return bytes(head)

    async def _chunks(self, part: BodyPartReader) -> AsyncIterator[bytes]:
        if self._head:
            yield self._head
        while chunk := await part.read_chunk(_CHUNK):
            yield chunk

    async def _pour(self, part: BodyPartReader) -> AsyncIterator[bytes]:
        passed = 0
        try:
            async for chunk in self._chunks(part):
                passed += len(chunk)
                if passed > self._largest:
                    raise RefusedRequest(_too_large(self._upstream, self._largest, Sent.UNKNOWN))
                self._deadline.moved(len(chunk))
                yield chunk
            self._deadline.renew()  # from here on it is the server's turn
            if not part.at_eof():
                raise ValueError("it ends within the file")
        except (ValueError, web.RequestPayloadError, aiohttp.ClientPayloadError, HttpProcessingError) as error:
            self.fault = Refusal(Cause.BAD_REQUEST, "The upload is not framed as it says.", Sent.UNKNOWN)
            raise RefusedRequest(self.fault) from error
        except RefusedRequest as error:
            self.fault = error.refusal
            raise


def _name(part: BodyPartReader) -> str:
    """Return the file's name in the form, if it is a plain name, also on Windows."""
    name = part.filename or ""
    if len(name) > LONGEST_NAME or '"' in name or not name.isprintable() or not is_unambiguous(name):
        raise RefusedRequest(
            Refusal(Cause.REFUSED_BODY, "The file of an upload needs a plain name, such as photo.png.")
        )
    return name


def _described(upstream: Upstream, status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = read_json(body, Bounds(LARGEST_ANSWER)) if status == 200 else None
    except JsonError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("name"), str):
        return answer
    if status == 413:
        raise RefusedRequest(Refusal(Cause.TOO_LARGE, f"{upstream.server.id} takes no upload of this size."))
    message = f"{upstream.server.id} did not take the upload (status {status})."
    raise RefusedRequest(Refusal(Cause.UPSTREAM_REFUSED, message, Sent.UNKNOWN))


def _too_large(upstream: Upstream, limit: int, sent: Sent) -> Refusal:
    return Refusal(Cause.TOO_LARGE, f"{upstream.server.id} takes at most {limit} bytes in one request.", sent)
