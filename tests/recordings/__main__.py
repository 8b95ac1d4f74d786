"""Renew the recordings from a running ComfyUI: `python -m tests.recordings --server http://127.0.0.1:8188`.

The server must be alone (its queue is cleared), run on the CPU of a quiet machine in a new base directory, with
ComfyUI's own frontend and template packages, and have `slow_steps.py` among its custom nodes. Its version chooses the
folder; the recordings of a new version are made after those of the newest one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.recordings import CATALOGUE, FOLDER, NEWEST, VERSIONS, names, read, without_prose
from tests.recordings.asking import NeverMetError, Server, open_server
from tests.recordings.scenarios import KEPT, renewed

LEFT_OUT = ("Content-Security-Policy",)
"""Headers that no test reads and that are long."""


def main(arguments: list[str]) -> int:
    """Renew what the flags name."""
    parser = argparse.ArgumentParser(prog="python -m tests.recordings", description=__doc__)
    parser.add_argument("--server", required=True, metavar="URL", help="the server to ask")
    parser.add_argument("--second", metavar="URL", help="another one of the same version, for names that both have")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="the server's output folder, for a file that is gone"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="beginnings of names, for example 02a 04")
    parser.add_argument("--into", type=Path, metavar="DIR", help="write there instead, to compare")
    given = parser.parse_args(arguments)
    try:
        asyncio.run(_renew(given))
    except NeverMetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _renew(given: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_server(given.server))
        other = await stack.enter_async_context(open_server(given.second)) if given.second else None
        version = str((await server.get("system_stats"))["system"]["comfyui_version"])
        like = version if version in VERSIONS else NEWEST
        folder: Path = (given.into or FOLDER) / version
        for name in [each for each in names(like) if not given.only or each.startswith(tuple(given.only))]:
            found = await renewed(name, read(name, like), server, other, given.output)
            print(f"{name}: {'kept, ' + KEPT[name] if found is None else 'renewed'}", flush=True)
            if found is not None:
                _write(folder / f"{name}.json", _cut(found))
        if not given.only:
            _write(folder / f"{CATALOGUE}.json", await _catalogue(server))


async def _catalogue(server: Server) -> Any:
    """Return the node classes without prose, and without those that call paid services."""
    found = await server.get("object_info")
    return without_prose({name: entry for name, entry in found.items() if not entry.get("api_node")})


def _cut(value: Any) -> Any:
    """Leave out prose, tracebacks, long headers and the server's own paths."""
    match value:
        case {"traceback": list()}:
            return {key: ["<traceback>"] if key == "traceback" else _cut(each) for key, each in value.items()}
        case {"argv": list()}:
            return value | {"argv": ["main.py"]}
        case dict():
            return {key: _cut(each) for key, each in without_prose(value).items() if key not in LEFT_OUT}
        case list():
            return [_cut(each) for each in value]
        case _:
            return value


def _write(path: Path, value: Any) -> None:
    """Write JSON with one line for each of its items, so that a renewed recording can be compared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, dict):
        lines = [f"{_text(key)}: {_text(each)}" for key, each in value.items()]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    else:
        path.write_text("[\n" + ",\n".join(_text(each) for each in value) + "\n]\n", "utf-8")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
