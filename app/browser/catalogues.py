"""Node catalogues as the gateway publishes them: the core's `Catalogues`. `static/js/catalogue.js` does the work."""

from __future__ import annotations

import json
from collections.abc import Collection

from pyodide.ffi import JsException

from app.browser.files import load_module
from app.browser.values import error_text
from app.core.errors import ConfigError, MooringError, RequestTimeout
from app.core.model import ServerId
from app.core.ports.http import Http, Request

REFRESH_DEADLINE = 40.0  # seconds; the gateway gives a server 30


class GatewayCatalogues:
    """Catalogues over HTTP. The browser's own cache keeps each permanently, since its address contains its hash."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def classes(self, content: str, names: Collection[str]) -> str:
        """The JSON object of those classes that exist."""
        try:
            return str(await (await load_module("catalogue")).classes(content, json.dumps(list(names))))
        except JsException as error:
            raise RequestTimeout(None, f"catalogue: {error_text(error)}") from error

    async def names(self, content: str) -> tuple[str, ...]:
        """All class names."""
        try:
            return tuple(json.loads(str(await (await load_module("catalogue")).names(content))))
        except JsException as error:
            raise RequestTimeout(None, f"catalogue: {error_text(error)}") from error

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Have the gateway reread that server's catalogue; return the hashes of its nodes and of its lists of files."""
        path = f"/fleet/catalogue/{server_id}"
        response = await self._http.send(Request(method="GET", path=path, deadline=REFRESH_DEADLINE))
        try:
            answer = json.loads(response.text) if response.status == 200 else {}
            return str(answer["catalogue"]), str(answer["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise _invalid_answer(path, response.status) from error


def _invalid_answer(path: str, status: int) -> MooringError:
    return ConfigError(f"{path} answered {status}")
