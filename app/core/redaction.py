"""Which facts of a window may leave this browser in a report: a list of what is allowed, and nothing else.

    Redactor().facts({"state": "failed", "message": "no such file: rose.png"})
    # {"state": "failed", "message": "(22 characters)"}

A text is kept only under a name that stands for an identifier of Mooring or ComfyUI, and only if it looks
like one. Addresses lose user, password and query; file names become numbers, the same for the same name; everything
else becomes its length. Nothing under a name that suggests a credential is kept, even when texts are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.core.busy import BUSY
from wire.media import FILE_ENDINGS

# Names whose text is an identifier: ours, ComfyUI's, or from the fleet's list.
WORDS = frozenset({
    "again_of", "asked", "base", "cause", "class_type", "contact", "delivery", "editor_fault", "editor_sha256", "end",
    "error", "evidence",
    "exception_type", "family", "folder", "health", "input_name", "is", "kind", "level", "locked", "logger",
    "media_type", "node_id", "node_type", "now", "operation", "owner", "prompt_id", "reason", "server_id", "sha256",
    "source", "state", "told_end", "type", "version", "was", "window_id",
})  # fmt: skip
WORD_LISTS = frozenset({"cached", "expected", "holders", "missing", "nodes", "prompt_ids", "quarantined", "unreadable"})
WORD_MAPS = frozenset({"causes", "loads", "refused", "scores"})  # by server id: a cause, or a number
SOURCE = frozenset({"template", "way"})  # texts from our own source
PLACES = frozenset({"address", "confirmed_address", "present", "recorded", "url"})
MIXED = frozenset({"contact_detail"})  # an address or a cause
NAMES = frozenset({"etag", "filename", "models", "name", "original_name", "subfolder"})
# Names whose text is the user's or a server's, and never kept; a test checks that each field of the records is listed.
TEXTS = frozenset({"detail", "details", "line", "message", "project", "seal", "text", "title", "traceback", "value"})

_WORD = re.compile(r"[\w.:/+-]{0,80}( \d{1,3})?", re.ASCII)
_SOURCE = re.compile(r"[\w.<>-]+\.\w+:\d+ [\w<>.]+")
_SECRET = re.compile(
    r"authori[sz]|api.?key|token|passw|secret|cookie|credential|bearer|extra.?data|signature|seal", re.I
)
_USERINFO = re.compile(r"//[^/\s\"'@]+@")
# These two take linear time. An address without a query is matched too, so that the search continues behind it, and the
# rest of a word such as `password_of_mine` ends where another `passw` begins.
_QUERY = re.compile(r"(\b(?:https?|wss?)://[^\s\"'?]+)(?:\?[^\s\"']*)?")
_HEADER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.I)
_PAIR = re.compile(r"((?:api.?key|token|passw(?:(?!passw)\w)*|secret)[\"']?\s*[=:]\s*[\"']?)[^\s\"',}]+", re.I)
_ENDINGS = (*FILE_ENDINGS, ".bin")
OWN_CAUSES = frozenset({BUSY})  # kept under a text's name too: it decides how a prompt ended
WITHHELD = "(withheld)"


class Redactor:
    """Redacts one report. `texts` keeps the user's texts and the servers' answers, but no credentials."""

    def __init__(self, *, texts: bool = False) -> None:
        self._texts = texts
        self._names: dict[str, str] = {}

    def facts(self, value: Any, name: str = "") -> Any:
        """A JSON-like value without what may not leave the browser; `name` is its key."""
        if name and _SECRET.search(name) and not isinstance(value, bool | None):
            return WITHHELD
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(value, name)
            case Mapping():
                inner = "cause" if name in WORD_MAPS else ""
                return {self._key(str(key)): self.facts(item, inner or str(key)) for key, item in value.items()}
            case tuple() | list():
                inner = "prompt_id" if name in WORD_LISTS else name
                return [self.facts(item, inner) for item in value]
            case _:
                return f"({type(value).__name__})"

    def _key(self, key: str) -> str:
        return key if self._texts or _WORD.fullmatch(key) else length_of(key)

    def _text(self, text: str, name: str) -> str:
        if name in PLACES or (name in MIXED and "://" in text):
            return place_of(text)
        if name in NAMES and not self._texts:
            return self._number(text)
        if name == "template" or (name in SOURCE and _SOURCE.fullmatch(text)):
            return text
        if text in OWN_CAUSES or (name in WORDS | MIXED and _WORD.fullmatch(text)):
            return text
        return without_credentials(text) if self._texts else length_of(text)

    def _number(self, text: str) -> str:
        if not text:
            return text
        ending = next((text[-len(each) :] for each in _ENDINGS if text.casefold().endswith(each)), "")
        return self._names.setdefault(text, f"name-{len(self._names) + 1}{ending}")

    def workflow(self, text: str) -> Any:
        """A workflow's shape: class types and the names of inputs by node id, texts by their length, links unchanged.

        With `texts`, the workflow itself without its credentials.
        """
        try:
            nodes = json.loads(text) if text else {}
        except ValueError:
            return length_of(text)
        if not isinstance(nodes, dict):
            return length_of(text)
        return {self._key(str(node_id)): self._node(node) for node_id, node in nodes.items()}

    def _node(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return self._value(node)
        inputs = node.get("inputs")
        return {
            "class_type": str(node.get("class_type", ""))[:100],
            "inputs": {str(name)[:100]: self._value(item, str(name)) for name, item in inputs.items()}
            if isinstance(inputs, dict)
            else {},
        }

    def _value(self, value: Any, name: str = "") -> Any:
        if self._texts:
            return self.facts(value, name)
        match value:
            case [str() as node_id, int() as slot] if _WORD.fullmatch(node_id) and node_id.replace(":", "").isdigit():
                return [node_id, slot]
            case str():
                return length_of(value)
            case bool() | int() | float() | None:
                return value
            case list():
                return f"(list of {len(value)})"
            case _:
                return f"({type(value).__name__})"


def length_of(text: str) -> str:
    """A text replaced by its length."""
    return f"({len(text)} characters)" if text else ""


def place_of(address: str) -> str:
    """An address or path without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return length_of(address)
    if not parts.scheme or not host:
        return parts.path if re.fullmatch(r"(/servers/[\w.-]+)?(/ws)?", parts.path) else length_of(address)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}"


def without_credentials(text: str) -> str:
    """A text without anything that looks like a credential."""
    for pattern, kept in ((_USERINFO, "//"), (_QUERY, r"\1"), (_HEADER, rf"\1 {WITHHELD}"), (_PAIR, rf"\1{WITHHELD}")):
        text = pattern.sub(kept, text)
    return text
