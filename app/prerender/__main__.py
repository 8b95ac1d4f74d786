"""The process beside the gateway that draws first screens: one JSON object per line, in and out.

    → {"language": "en", "workflow": "", "about": {"person": "…"}}   an order; `about` as the document's attributes
    ← {"get": "/fleet"}                                   a question; → {"status": 200, "text": "…"}
    ← {"classes": "hash", "names": ["KSampler"]}          a question; → {"text": "{…}"}
    ← {"regions": {"form": ["…", "digest"]}, "title": "…"}   the drawing, or {"error": "…"}

It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TextIO

from app.prerender.drawing import ScreenOrder, draw
from app.ui.kit.account import Account

ROOT = Path(__file__).resolve().parents[2]


class Pipe:
    """The gateway at the other end of standard input and output."""

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self._source, self._sink = source, sink

    def read(self) -> Mapping[str, Any] | None:
        """The next message; None at the end."""
        line = self._source.readline()
        return json.loads(line) if line else None

    def write(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self._sink.write(json.dumps(message) + "\n")
        self._sink.flush()

    def _ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        self.write(question)
        answer = self.read()
        if answer is None:
            raise EOFError
        return answer

    def get(self, path: str) -> tuple[int, str]:
        """Gateway.get."""
        answer = self._ask({"get": path})
        return int(answer["status"]), str(answer["text"])

    def classes(self, content: str, names: Collection[str]) -> str:
        """Gateway.classes."""
        return str(self._ask({"classes": content, "names": sorted(names)})["text"])


def _account(about: Mapping[str, str]) -> Account:
    """Return the user as the page reads it from its document (`app/browser/owned.py`)."""
    return Account(
        about.get("person", ""),
        has_login=bool(about.get("login")),
        runs_fleet=bool(about.get("admin")),
        has_copies=bool(about.get("copies")),
    )


def _read(path: str) -> bytes:
    return (ROOT / path).read_bytes()


def main() -> None:
    """Draw until the gateway ends."""
    pipe = Pipe(sys.stdin, sys.stdout)
    while (order := pipe.read()) is not None:
        try:
            wanted = ScreenOrder(order["language"], _account(order["about"]), order["workflow"])
            drawing = asyncio.run(draw(wanted, pipe, _read))
        except EOFError:
            return
        except Exception as error:  # noqa: BLE001 - the gateway logs it, and serves the page without a drawing
            pipe.write({"error": repr(error)})
        else:
            pipe.write({"regions": drawing.regions, "title": drawing.title})


if __name__ == "__main__":
    main()
