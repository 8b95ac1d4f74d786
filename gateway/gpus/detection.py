"""The GPUs of this machine: as `nvidia-smi` and `rocm-smi` list them, or as running servers describe theirs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.fleet.fleet import LocalServer

CUDA, HIP = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
_SECONDS = 15.0  # a driver that has to wake its cards takes some
_OF_SERVER = re.compile(r"cuda:(\d+) (.+)")  # PyTorch calls AMD's cards so too
_AMD = re.compile(r"\b(AMD|Radeon)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; a process sees only this one if the environment's `variable` is its `index`."""

    index: int
    name: str
    variable: str = CUDA


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that lists GPUs; `line` finds the number and the name of each."""

    command: tuple[str, ...]
    variable: str
    line: re.Pattern[str]

    @property
    def name(self) -> str:
        """The name of the program."""
        return self.command[0]


# `GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-…)` and `GPU[0]  : Card Series:  AMD Radeon RX 7900 XTX`
TOOLS = (
    Tool(("nvidia-smi", "-L"), CUDA, re.compile(r"^GPU (\d+): (.+?)(?: \(UUID: .*\))?\s*$", re.MULTILINE)),
    Tool(
        ("rocm-smi", "--showproductname"),
        HIP,
        re.compile(r"^GPU\[(\d+)\]\s*:\s*Card series:\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE),
    ),
)


class ToolError(Exception):
    """The program is there, but fails; the text says how."""


def listed_by(tool: Tool) -> list[Gpu] | None:
    """Return the GPUs that a program lists, None if it is not installed; `ToolError` if it fails."""
    path = shutil.which(tool.name)
    if path is None:
        return None
    try:
        ran = subprocess.run(
            [path, *tool.command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"it has not answered within {_SECONDS:.0f} s") from error
    except OSError as error:
        raise ToolError(str(error.strerror)) from error
    if ran.returncode != 0:
        lines = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
        raise ToolError(lines[0] if lines else f"exit code {ran.returncode}")
    return [Gpu(int(number), name, tool.variable) for number, name in tool.line.findall(ran.stdout)]


def described_by(servers: Iterable[LocalServer]) -> list[Gpu]:
    """Return the GPUs that running servers name, each once: two servers may share one."""
    names = (name for server in servers for name in server.devices)
    found = [match for match in map(_OF_SERVER.fullmatch, names) if match is not None]
    gpus = {Gpu(int(one[1]), one[2], HIP if _AMD.search(one[2]) else CUDA) for one in found}
    return sorted(gpus, key=lambda gpu: (gpu.variable, gpu.index, gpu.name))
