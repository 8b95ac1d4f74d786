"""The console contract on `window` and on `mooring`, for developer tools and scripts (docs/console.md).

    await mooring.ready
    debugServerConsistency()
    const id = await mooring.submitWorkflow(apiWorkflow, {title: "Dunes"})

All results are plain JavaScript values, or promises of one: no Python proxy passes. Errors are
JavaScript `Error`s with our class name as `name` and the facts as properties. Each call is logged in a readable form.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import js
from pyodide.code import run_js
from pyodide.ffi import create_proxy

from app.browser.blobs import JsBlob
from app.browser.values import camel_keys, json_text
from app.core.errors import MooringError

log = logging.getLogger("mooring.console")

LOG_LENGTH = 600  # characters of an answer
BLOB_KEY = "\0blob"  # marks a Blob among JSON-like arguments


class Contract(Protocol):
    """What the names do; `app.session.console.ConsoleContract`."""

    version: str

    @property
    def helpers(self) -> Mapping[str, str]: ...

    @property
    def getters(self) -> Mapping[str, str]: ...

    @property
    def methods(self) -> Mapping[str, str]: ...

    def call(self, name: str, arguments: Sequence[Any]) -> Any | Awaitable[Any]: ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]: ...

    @property
    def is_ready(self) -> bool: ...

    @property
    def error(self) -> MooringError | None: ...


# The JavaScript side of a call: arguments are passed as text, with their Blobs beside it, and text is returned, which
# becomes a value here, or an Error that is thrown.
_GLUE = """(call, blobKey) => {
  const read = (text) => {
    const told = JSON.parse(text);
    if (!told.error) return told.value;
    const { name, message, facts } = told.error;
    throw Object.assign(new Error(message), facts, { name, message, facts });
  };
  const wait = async (pending) => {
    try { return read(await pending); } finally { pending.destroy?.(); }
  };
  const invoke = (name, args) => {
    const blobs = [];
    const text = JSON.stringify(args, (_, value) => {
      return value instanceof Blob ? { [blobKey]: blobs.push(value) - 1 } : value;
    });
    const told = call(name, text, blobs);
    return typeof told === "string" ? read(told) : wait(told);
  };
  const rejection = (text) => {
    try { read(text); } catch (error) { return error; }
  };
  return {
    define(target, name, method) {
      const named = { [name]: (...args) => invoke(method, args) };
      target[name] = named[name];
    },
    defineGetter(target, name, method) {
      Object.defineProperty(target, name, { get: () => invoke(method, []), configurable: true, enumerable: true });
    },
    settle(root) {
      let { _resolve: resolve, _reject: reject } = root;
      if (!resolve) root.ready = new Promise((yes, no) => { resolve = yes; reject = no; });
      root.ready.catch(() => {}); // nobody may be waiting
      delete root._resolve;
      delete root._reject;
      return { resolve: () => resolve(root), reject: (text) => reject(rejection(text)) };
    },
  };
}"""


class Console:
    """The names, bound to one contract for as long as the page lives."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._quiet = frozenset(contract.getters.values())  # a debugger's eager evaluation reads those constantly
        named = {**contract.methods, **contract.helpers}
        self._names = {method: name for name, method in named.items()}
        self._proxy = create_proxy(self._call)
        glue = run_js(_GLUE)(self._proxy, BLOB_KEY)
        root = getattr(js.globalThis, "mooring", None) or js.Object.new()
        js.globalThis.mooring = root
        root.version = contract.version
        for name, method in contract.methods.items():
            glue.define(root, name, method)
        for name, method in contract.helpers.items():
            glue.define(js.globalThis, name, method)
        for name, method in contract.getters.items():
            glue.defineGetter(js.globalThis, name, method)
        self._ready = glue.settle(root)
        self._unsubscribe = contract.subscribe(self._settle_ready)
        self._settle_ready()

    def _settle_ready(self) -> None:
        """Resolve `mooring.ready` once the window has read its records; reject it if the store cannot be read."""
        if self._contract.is_ready:
            self._ready.resolve()
        elif self._contract.error is not None:
            self._ready.reject(error_text(self._contract.error))
        else:
            return
        self._unsubscribe()

    def _call(self, method: str, text: str, blobs: Any) -> str | Awaitable[str]:
        """Handle one call from JavaScript: return JSON text, or a promise of it."""
        try:
            value = self._contract.call(method, _arguments(text, blobs))
        except Exception as error:  # noqa: BLE001 - it is rethrown as a JavaScript Error
            return self._refusal(method, error)
        return self._answer_later(method, value) if inspect.isawaitable(value) else self._answer(method, value)

    async def _answer_later(self, method: str, value: Awaitable[Any]) -> str:
        try:
            return self._answer(method, await value)
        except Exception as error:  # noqa: BLE001 - it rejects the promise, as a JavaScript Error
            return self._refusal(method, error)

    def _answer(self, method: str, value: Any) -> str:
        text = json.dumps(value, allow_nan=False)
        if method not in self._quiet:
            log.info("%s: %s", self._names[method], text if len(text) <= LOG_LENGTH else f"{text[:LOG_LENGTH]} …")
        return f'{{"value": {text}}}'

    def _refusal(self, method: str, error: Exception) -> str:
        log.info("%s: refused, %r", self._names.get(method, method), error)
        return error_text(error)


def install_console(contract: Contract) -> Console:
    """Put the contract on `window`. Names that need the window's records throw StillRestoring until it has them."""
    return Console(contract)


def error_text(error: Exception) -> str:
    """An error as the JSON that becomes a JavaScript Error."""
    facts = error.facts() if isinstance(error, MooringError) else {}
    error_facts = {"name": type(error).__name__, "message": str(error), "facts": camel_keys(facts)}
    return json_text({"error": error_facts})


def _arguments(text: str, blobs: Any) -> Sequence[Any]:
    def revive(found: dict[str, Any]) -> Any:
        return JsBlob(blobs[found[BLOB_KEY]]) if BLOB_KEY in found else found

    arguments: list[Any] = json.loads(text, object_hook=revive)
    return arguments
