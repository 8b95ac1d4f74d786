"""The command `python -m demo_comfyui`: one demo server in this process.

Prints one line, `demo-comfyui ready http://127.0.0.1:N`, when it accepts connections.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from demo_comfyui.model.versions import VERSIONS
from demo_comfyui.server import DemoServer
from demo_comfyui.settings import Settings
from wire.versions import NEWEST

REPOSITORY = Path(__file__).resolve().parent.parent


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo_comfyui",
        description="A stand-in ComfyUI server: the real protocol, pictures made with Pillow, no model.",
    )
    parser.add_argument("--port", type=_port, required=True, help="the TCP port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder for input/, output/, temp/ (default: .mooring/demo/PORT)")
    parser.add_argument("--faults", action="store_true", help="allow POST /demo/faults")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    parser.add_argument(
        "--step-seconds",
        type=_seconds,
        default=0.12,
        metavar="S",
        help="how long each step of the demo nodes waits (default: %(default)s)",
    )
    parser.add_argument(
        "--max-upload-size", type=_megabytes, default=100.0, metavar="MB", help="as in ComfyUI (default: 100)"
    )
    parser.add_argument(
        "--enable-cors-header",
        nargs="?",
        const="*",
        default="",
        metavar="ORIGIN",
        help="as in ComfyUI: let pages of that origin (of any, if none is named) read the answers",
    )
    parser.add_argument(
        "--speaks", choices=VERSIONS, default=NEWEST, help="the version of ComfyUI to speak as (default: %(default)s)"
    )
    parser.add_argument(
        "--paths", choices=("windows",), help="write folders of models and results with backslashes, as on Windows"
    )
    parser.add_argument("--enable-assets", action="store_true", help="as in ComfyUI 0.30")
    parser.add_argument("--downloads", action="store_true", help="have downloads of models, which write small files")
    parser.add_argument(
        "--stamp", default="", metavar="NAME", help="write NAME into every picture, as the text `server`"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 1 to 65535")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text} is out of range: 0 to 60 seconds")
    return seconds


def _megabytes(text: str) -> float:
    megabytes = float(text)
    if not 0 < megabytes <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is out of range: up to 10000 megabytes")
    return megabytes


async def _serve(settings: Settings) -> bool:
    return await DemoServer(settings).run()


def main(argv: list[str] | None = None) -> int:
    """Run the server, and another one after each restart; the exit status is 1 if it could not start."""
    given = sys.argv[1:] if argv is None else argv
    parser = _parser()
    flags = parser.parse_args(given)
    if flags.enable_assets and not VERSIONS[flags.speaks].has_assets:
        parser.error(f"--enable-assets: ComfyUI {flags.speaks} has no assets")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    settings = Settings(
        host=flags.host,
        port=flags.port,
        data=(flags.data or REPOSITORY / ".mooring" / "demo" / str(flags.port)).absolute(),
        faults=flags.faults,
        until_eof=flags.until_eof,
        step_seconds=flags.step_seconds,
        max_upload_bytes=round(flags.max_upload_size * 1024 * 1024),
        version=VERSIONS[flags.speaks].on_windows() if flags.paths else VERSIONS[flags.speaks],
        assets=flags.enable_assets,
        downloads=flags.downloads,
        stamp=flags.stamp,
        cors=flags.enable_cors_header,
        argv=tuple(given),
    )
    try:
        while asyncio.run(_serve(settings)):  # a restart loses what a server has in memory
            pass
    except OSError as error:
        print(f"The demo server cannot start on {flags.host}:{flags.port}: {error.strerror}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # do not wait for a worker inside a node


if __name__ == "__main__":
    sys.exit(main())
