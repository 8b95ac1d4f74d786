"""`/history`: the prompts that a server has run.

    {prompt_id: {"prompt": row, "outputs": {node_id: {kind: [made, …]}}, "status": {"status_str": …, "messages": …}}}

The row is that of `/queue`. The messages are the events of the run, each `[name, data]`. An output is a file,
`{"filename": …, "subfolder": …, "type": folder}`, or anything else that a node shows. Nodes for 3D show
`{"result": [path, camera, …]}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wire.media import medium_of

_TEMPORARY = ("preview3d_advanced_", "preview_splat_", "preview_pointcloud_")


class HistoryError(ValueError):
    """It is not an entry of ComfyUI's history."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One run. Without a whole row `prompt_id` is empty, and so are the prompt and its `extra_data`."""

    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    outputs: Mapping[str, Any]
    is_success: bool  # not of a run that was interrupted
    messages: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file as outputs and `executed` events name it."""

    folder: str  # output | temp | input
    subfolder: str
    name: str


def read_entry(entry: object) -> HistoryEntry:
    """Read an entry, or raise `HistoryError`."""
    match entry:
        case {"outputs": dict(outputs), **rest}:
            status = rest.get("status")
            known = status if isinstance(status, dict) else {}
            return HistoryEntry(
                *_row(rest.get("prompt")),
                outputs=outputs,
                is_success=known.get("status_str") == "success",
                messages=tuple(_messages(known)),
            )
        case _:
            raise HistoryError("not a history entry")


def _row(row: object) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    match row:
        case [_, str(prompt_id), dict(prompt), dict(extra_data), *_]:
            return prompt_id, prompt, extra_data
        case _:
            return "", {}, {}


def _messages(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    messages = status.get("messages")
    for message in messages if isinstance(messages, list) else ():
        match message:
            case [str(name), dict(data)]:
                yield name, data


def describe_model(made: Mapping[str, Any]) -> dict[str, str] | None:
    """Describe the 3D model that a node's `result` names by its path alone, `[path, camera, …]`; None without one.

    Preview nodes write below temp/, all others below output/.
    """
    match made.get("result"):
        case [str(path), *_] if medium_of("", path) == "model":
            subfolder, _, name = path.replace("\\", "/").rpartition("/")
            folder = "temp" if name.startswith(_TEMPORARY) else "output"
            return {"filename": name, "subfolder": subfolder, "type": folder}
    return None


def read_file(made: object) -> MadeFile | None:
    """Return the file that an output describes, or None if it is something else."""
    match made:
        case {"filename": str(name), **rest} if name:
            subfolder, folder = rest.get("subfolder") or "", rest.get("type") or ""  # some nodes say null
            if isinstance(subfolder, str) and isinstance(folder, str):
                return MadeFile(folder or "output", subfolder, name)
    return None
