"""Requests: the core's `Http`, over `fetch`, and over XMLHttpRequest where progress is needed.

They go to our own origin; of a page without a gateway, a path may be the full URL of a server.

`pyscript.fetch` cannot send bytes or be aborted, so it is not used. Any failure is unclear to us, since
the browser does not report whether the request was sent: it raises RequestTimeout, with `cause` deadline, lost, or
gateway-lost. The gateway answers for a server that does not, so a request that gets no headers shows that it is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

from app.browser.blobs import JsBlob, to_js_blob
from app.browser.owned import page_of
from app.browser.paths import is_whole, server_of
from app.browser.values import js_object
from app.core.comfy import gateway_cause
from app.core.errors import RequestTimeout
from app.core.ports.http import Multipart, Request, Response

JSON_TYPE = "application/json"
PAGE_HEADER = "X-Mooring-Page"  # the page's user; the gateway refuses requests of another user's page
WHO = "/fleet"  # the one request that the page of any user may send: its answer names the logged-in user
STRANGE = frozenset({"not-logged-in", "other-person"})  # the gateway's causes


class BrowserHttp:
    """HTTP with the browser's own client: same origin, no redirects, no cache for what must be fresh.

    `on_strange` is called when the gateway no longer accepts a request in the name of this page's user.
    """

    def __init__(self) -> None:
        self.on_strange: Callable[[], None] = lambda: None

    async def send(self, request: Request) -> Response:
        """Send, and read the answer as text."""
        async with _Exchange(request) as exchange:
            answer = await exchange.start(cache="no-store")
            return self._seen(request, Response(int(answer.status), _headers(answer), text=await answer.text()))

    async def fetch(self, request: Request) -> Response:
        """Send, and keep the answer's body as a Blob."""
        async with _Exchange(request) as exchange:
            answer = await exchange.start(cache="default")
            return self._seen(request, Response(int(answer.status), _headers(answer), blob=JsBlob(await answer.blob())))

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        """Send a form; `on_progress` gets the fraction sent, 0 to 1."""
        body = await _form_data(request.form) if request.form else request.json
        return self._seen(request, await _upload(request, body, on_progress))

    def _seen(self, request: Request, response: Response) -> Response:
        if request.path != WHO and gateway_cause(response) in STRANGE:
            self.on_strange()
        return response


class _Exchange:
    """One fetch with its deadline. Leaving the block aborts it, so a cancelled task sends no more."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._abort = js.AbortController.new()
        self._late = js.AbortSignal.timeout(max(1, round(request.deadline * 1000)))
        self._lost = "lost" if is_whole(request.path) else "gateway-lost"

    async def __aenter__(self) -> _Exchange:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._abort.abort()
        if isinstance(error, JsException):
            # The error's name does not say it: WebKit raises an AbortError, and we abort only after the error.
            cause = "deadline" if self._late.aborted else self._lost
            raise RequestTimeout(server_of(self._request.path), cause) from error

    async def start(self, cache: str) -> Any:
        request = self._request
        options = {
            "method": request.method,
            "redirect": "error",
            "credentials": "same-origin",
            "cache": cache,
            "signal": js.AbortSignal.any(js.Array.of(self._late, self._abort.signal)),
        }
        headers = {} if request.path == WHO or is_whole(request.path) else {PAGE_HEADER: page_of()}
        if request.form is not None:
            options["body"] = await _form_data(request.form)
        elif request.json is not None:
            options["body"] = request.json
            headers["Content-Type"] = JSON_TYPE
        options["headers"] = js_object(headers)
        answer = await js.fetch(request.path, js_object(options))
        self._lost = "lost"  # what breaks from here on may be the server's
        return answer


async def _form_data(form: Multipart) -> Any:
    data = js.FormData.new()
    for name, value in form.fields.items():
        data.append(name, value)
    data.append("image", await to_js_blob(form.file), form.filename)
    return data


def _headers(answer: Any) -> dict[str, str]:
    found: dict[str, str] = js.Object.fromEntries(answer.headers).to_py()
    return found


async def _upload(request: Request, body: Any, on_progress: Callable[[float], None]) -> Response:
    """XMLHttpRequest, because fetch reports no upload progress."""
    exchange = js.XMLHttpRequest.new()
    exchange.open(request.method, request.path)
    exchange.timeout = max(1, round(request.deadline * 1000))
    if not is_whole(request.path):
        exchange.setRequestHeader(PAGE_HEADER, page_of())
    if request.json is not None:
        exchange.setRequestHeader("Content-Type", JSON_TYPE)
    with _listening(exchange, on_progress) as ended:
        exchange.send(body)
        try:
            cause = await ended
        except asyncio.CancelledError:
            exchange.abort()
            raise
    is_redirected = not cause and exchange.responseURL != js.URL.new(request.path, js.location.href).href
    if cause or is_redirected:
        raise RequestTimeout(server_of(request.path), cause or "redirected")
    on_progress(1.0)
    return Response(int(exchange.status), _raw_headers(exchange), text=str(exchange.responseText))


@contextmanager
def _listening(exchange: Any, on_progress: Callable[[float], None]) -> Iterator[asyncio.Future[str]]:
    """A future of how the exchange ends: empty when it was answered, else deadline or lost."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def tell(event: Any) -> None:
        if not ended.done():
            ended.set_result({"load": "", "timeout": "deadline"}.get(event.type, "lost"))

    def show(event: Any) -> None:
        if event.lengthComputable and event.total:
            on_progress(min(1.0, event.loaded / event.total))

    end, progress = create_proxy(tell), create_proxy(show)
    exchange.onload = exchange.onerror = exchange.onabort = exchange.ontimeout = end
    exchange.upload.onprogress = progress
    try:
        yield ended
    finally:
        exchange.onload = exchange.onerror = exchange.onabort = exchange.ontimeout = None
        exchange.upload.onprogress = None
        end.destroy()
        progress.destroy()


def _raw_headers(exchange: Any) -> dict[str, str]:
    lines = str(exchange.getAllResponseHeaders()).split("\r\n")
    pairs = (line.partition(": ") for line in lines if ": " in line)
    return {name.lower(): value for name, _, value in pairs}
