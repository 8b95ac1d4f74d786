"""The command `serve.py gpus`: the command lines, and what to know about servers that share a folder."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType

from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.fleet.local_servers import PORTS, find_local_servers
from gateway.gpus.detection import CUDA, TOOLS, Gpu, ToolError, described_by, listed_by
from gateway.gpus.flags import parse_gpus_flags
from gateway.http.deadlines import Deadlines
from gateway.installation import command_words
from gateway.platforms import system

_SECONDS = 1.0  # for a running server to answer
_NO_FLEET = Fleet(DeclaredBy.FOUND, "", ())

_SHARING = """\
Run them in ComfyUI's folder, each in a terminal of its own. They share that folder's models, inputs and outputs; for
another folder, give all of them the same --base-directory DIR. A server that starts empties its temporary folder, and
two that save under one name at the same moment can overwrite each other's file: --temp-directory DIR and
--output-directory DIR give each server its own."""


def main(arguments: Sequence[str], ports: Iterable[int] = PORTS) -> int:
    """Print everything; return the exit code, which is 1 if no GPU is found."""
    first_port = parse_gpus_flags(arguments).port
    found: list[Gpu] = []
    for tool in TOOLS:
        try:
            listed = listed_by(tool)
        except ToolError as error:
            print(f"{tool.name} fails: {error}")
            continue
        if listed is not None:
            print(f"{tool.name}: {_count(listed)}.")
            found += listed
    if not found:
        running = asyncio.run(find_local_servers(_NO_FLEET, _soon(), ports))
        found = described_by(running)
        for line in _explain(found, running):
            print(line)
    if not found:
        print(f"With one GPU, or none, one ComfyUI is enough: python main.py --port {first_port}")
        return 1
    for line in command_lines(found, first_port):
        print(line)
    return 0


def command_lines(gpus: Sequence[Gpu], first_port: int, shell: ModuleType = system) -> Iterator[str]:
    """Yield the lines that start one ComfyUI for each GPU, and Mooring for all of them."""
    yield ""
    commands = [_command(gpu, gpus, first_port + place, place == 0, shell) for place, gpu in enumerate(gpus)]
    width = max(map(len, commands))
    yield from (f"  {command:{width}}  # {gpu.name}" for command, gpu in zip(commands, gpus, strict=True))
    yield ""
    if len(gpus) > 1:
        yield _SHARING
        yield ""
    yield "Mooring for all of them:"
    words = [f"gpu-{place}=http://127.0.0.1:{first_port + place}" for place in range(len(gpus))]
    servers = [word for name in words for word in ("--server", name)]
    yield f"  {shell.shell_line([*command_words(shell), *servers])}"


def _command(gpu: Gpu, gpus: Sequence[Gpu], port: int, is_first: bool, shell: ModuleType) -> str:
    # Newer versions lock their database, and a second process with the same one ends.
    database = [] if is_first else ["--database-url", f"sqlite:///user/comfyui-{port}.db"]
    words = ["python", "main.py", "--port", str(port), *database]
    if not shell.SHELLS_AGREE_ON_VARIABLES:  # this flag sets them too
        return f"{shell.shell_line([*words, '--cuda-device', str(gpu.index)])}"
    # CUDA's own order is by speed, nvidia-smi's by slot: they differ only between different cards.
    is_mixed = len({other.name for other in gpus if other.variable == CUDA}) > 1
    order = "CUDA_DEVICE_ORDER=PCI_BUS_ID " if is_mixed and gpu.variable == CUDA else ""
    return f"{order}{gpu.variable}={gpu.index} {shell.shell_line(words)}"


def _explain(gpus: Sequence[Gpu], running: Sequence[LocalServer]) -> Iterator[str]:
    """Say where the GPUs are known from if no program lists one."""
    tools = " and ".join(tool.name for tool in TOOLS)
    yield f"{tools} list no GPU here, or are not installed."
    for one in running:
        yield f"{one.server.address}: ComfyUI {one.version}".rstrip() + f" on {', '.join(one.devices) or 'no device'}"
    if gpus:
        yield "A server names only the GPUs that it sees: there may be more."
    elif not running:
        yield "No ComfyUI that would name its own answers on this machine."


def _count(gpus: Sequence[Gpu]) -> str:
    return "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"


def _soon() -> Deadlines:
    return dataclasses.replace(Deadlines(), probe=_SECONDS)
