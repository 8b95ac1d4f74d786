"""What one user sees of a server's queue, history and jobs: their own entries, and the positions of others. Pure.

An answer that does not have ComfyUI's shape raises `ShapeError`, since it cannot be projected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.fleet.catalogue_contents import merge_files, split_files, without_choices
from gateway.fleet.server_answers import MOST_ROWS, parse_json
from gateway.people.person import FOLDER, MARK, Person, mark_of, other_id
from wire.history import HistoryError, read_entry
from wire.queue import PENDING, RUNNING, QueueError, QueueRow, read_rows

_OWN_EXTRA = "extra_pnginfo"  # the editor's whole graph, which a page does not need from a queue


class ShapeError(ValueError):
    """The answer is not ComfyUI's."""


@dataclass(frozen=True, slots=True)
class Row(QueueRow):
    """A row of a queue with its size."""

    size: int = 0  # bytes of the whole, as JSON


def _rows(answer: object) -> tuple[QueueRow, ...]:
    """Return the rows of a `/queue`, or raise `ShapeError`."""
    try:
        return read_rows(answer, most=MOST_ROWS)
    except QueueError as error:
        raise ShapeError(str(error)) from error


def read_rows_text(text: bytes | bytearray, whole: str = "") -> tuple[Row, ...]:
    """Read rows from the text of a `/queue`: only marks and sizes, and the prompt itself for the id `whole`."""
    return tuple(
        Row(
            row.number,
            row.prompt_id,
            row.prompt if row.prompt_id == whole else {},
            row.extra_data if row.prompt_id == whole else {MARK: mark_of(row.extra_data)},
            row.is_running,
            whole=[],
            size=len(json.dumps(row.whole)),
        )
        for row in _rows(parse_json(text, "/queue"))
    )


def own_rows(rows: Iterable[Row], person: Person, server_id: str) -> list[Row]:
    """Return the rows of this user."""
    return [row for row in rows if person.owns(server_id, row.prompt_id, row.extra_data)]


def project_queue(answer: object, person: Person, server_id: str) -> dict[str, Any]:
    """Return `/queue` for one user."""
    rows = _rows(answer)
    parts: dict[str, Any] = {RUNNING: [], PENDING: []}
    for row in rows:
        parts[RUNNING if row.is_running else PENDING].append(_projected(row, person, server_id))
    return parts


def _projected(row: QueueRow, person: Person, server_id: str) -> list[Any]:
    if not person.owns(server_id, row.prompt_id, row.extra_data):
        return [row.number, other_id(person.keys, server_id, row.prompt_id), {}, {}, []]
    extra = {key: value for key, value in row.extra_data.items() if key != _OWN_EXTRA}
    return [*row.whole[:3], extra, *row.whole[4:]]


def project_history(answer: object, person: Person, server_id: str) -> dict[str, Any]:
    """Return `/history` for one user: only their own prompts."""
    if not isinstance(answer, dict):
        raise ShapeError("/history is not ComfyUI's")
    return {name: entry for name, entry in answer.items() if owns_entry(name, entry, person, server_id)}


def owns_entry(prompt_id: str, entry: object, person: Person, server_id: str) -> bool:
    """Whether a history entry is theirs."""
    try:
        run = read_entry(entry)
    except HistoryError:
        return False
    return run.prompt_id == prompt_id and person.owns(server_id, prompt_id, run.extra_data)


def project_jobs(answer: object, own: frozenset[str], person: Person, server_id: str) -> dict[str, Any]:
    """Return `/api/jobs` for one user: of others' jobs, only the state. `own` are the user's ids."""
    if not isinstance(answer, dict) or not isinstance(answer.get("jobs"), list):
        raise ShapeError("/api/jobs is not ComfyUI's")
    jobs = [job for job in answer["jobs"] if isinstance(job, dict) and isinstance(job.get("id"), str)]
    listed = [
        job if job["id"] in own else {"id": other_id(person.keys, server_id, job["id"]), "status": job.get("status")}
        for job in jobs
    ]
    return {"jobs": listed, "pagination": answer.get("pagination", {})}


def project_stats(answer: object) -> dict[str, Any]:
    """Return `/system_stats` without the server's command line, which has paths and ports of its machine."""
    if not isinstance(answer, dict) or not isinstance(answer.get("system"), dict):
        raise ShapeError("/system_stats is not ComfyUI's")
    return {**answer, "system": {key: value for key, value in answer["system"].items() if key != "argv"}}


def project_loads(loads: Mapping[str, Any], marks: Mapping[str, Mapping[str, str]], person: Person) -> dict[str, Any]:
    """Return `/fleet/loads` for one user: others' prompts count, with substitutes for their ids.

    `marks` are the owners' marks, by server and prompt_id.
    """
    return {
        **loads,
        "servers": {
            server_id: _own_load(server_id, load, marks, person) for server_id, load in loads["servers"].items()
        },
    }


def _own_load(
    server_id: str, load: Mapping[str, Any], marks: Mapping[str, Mapping[str, str]], person: Person
) -> dict[str, Any]:
    known = marks.get(server_id, {})

    def shown_id(prompt_id: str) -> str:
        is_own = person.owns(server_id, prompt_id, {"mooring": known.get(prompt_id)})
        return prompt_id if is_own else other_id(person.keys, server_id, prompt_id)

    return {key: [shown_id(one) for one in value] if isinstance(value, list) else value for key, value in load.items()}


def project_text(text: bytes | bytearray, path: str, person: Person, server_id: str) -> dict[str, Any]:
    """Return the part of a server's answer to this path that one user may see, from its text."""
    return PROJECTED[path](parse_json(text, path), person, server_id)


def _same_stats(answer: object, _person: Person, _server_id: str) -> dict[str, Any]:
    return project_stats(answer)


PROJECTED: Mapping[str, Callable[[object, Person, str], dict[str, Any]]] = {
    "/queue": project_queue,
    "/history": project_history,
    "/system_stats": _same_stats,
}


def own_files(text: bytes | bytearray, person: Person) -> bytes:
    """Return an `/object_info` in which choices name only files and folders that this user may use."""
    answer = parse_json(text, "/object_info")
    if not isinstance(answer, dict):
        return b"{}"
    nodes, files = split_files(answer)
    own = {
        name: {
            key: [one for one in names if isinstance(one, str) and person.may_list(one)] for key, names in lists.items()
        }
        for name, lists in files.items()
    }
    return json.dumps(merge_files(without_choices(nodes, FOLDER), own)).encode()
