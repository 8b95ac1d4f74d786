"""What one user sees of a server's queue, history and jobs: their own entries, and the positions of others. Pure.

An answer that does not have ComfyUI's shape raises `ShapeError`, since it cannot be projected.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.fleet.catalogue_contents import split_files, without_folder
from gateway.fleet.server_answers import MOST_ROWS, parse_json
from gateway.http.bodies import LARGEST_SHOWN
from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.people.evidence import ProvingRun, Span, begin_of, described_files, read_runs
from gateway.people.seals import KEY, File, seal
from gateway.people.user import FOLDER, MARK, User, mark_of, other_id
from wire.catalogue_files import with_files
from wire.history import HistoryError, read_entry
from wire.queue import PENDING, RUNNING, QueueError, QueueRow, read_rows

_PRIVATE = re.compile(rf"{FOLDER}(?:(?!{FOLDER})[^\n])*", re.IGNORECASE)  # to the next one, or the line's end
_ANSWER = Bounds(LARGEST_SHOWN)
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


def read_rows_text(text: bytes | bytearray) -> tuple[Row, ...]:
    """Read rows from the text of a `/queue`: only marks and sizes."""
    return tuple(
        Row(
            row.number,
            row.prompt_id,
            {},
            {MARK: mark_of(row.extra_data)},
            row.is_running,
            whole=[],
            size=len(json.dumps(row.whole)),
        )
        for row in _rows(parse_json(text, "/queue"))
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A prompt that should run now, what it has shown, and when it began if that is known."""

    prompt_id: str
    outputs: Mapping[str, Any]
    began: float | None


def read_running(text: bytes | bytearray, running: Running, user: User, server_id: str) -> ProvingRun | None:
    """Return the run of this user's prompt from the text of a `/queue`; None if it does not run."""
    for row in _rows(parse_json(text, "/queue")):
        is_it = row.is_running and row.prompt_id == running.prompt_id
        if is_it and user.owns(server_id, row.prompt_id, row.extra_data):
            return ProvingRun.read(row.prompt, row.extra_data, running.outputs, user, server_id, began=running.began)
    return None


def own_rows(rows: Iterable[Row], user: User, server_id: str) -> list[Row]:
    """Return the rows of this user."""
    return [row for row in rows if user.owns(server_id, row.prompt_id, row.extra_data)]


def project_queue(answer: object, user: User, server_id: str) -> dict[str, Any]:
    """Return `/queue` for one user."""
    rows = _rows(answer)
    parts: dict[str, Any] = {RUNNING: [], PENDING: []}
    for row in rows:
        parts[RUNNING if row.is_running else PENDING].append(_projected(row, user, server_id))
    return parts


def _projected(row: QueueRow, user: User, server_id: str) -> list[Any]:
    if not user.owns(server_id, row.prompt_id, row.extra_data):
        return [row.number, other_id(user.keys, server_id, row.prompt_id), {}, {}, []]
    extra = {key: value for key, value in row.extra_data.items() if key != _OWN_EXTRA}
    return [*row.whole[:3], extra, *row.whole[4:]]


def project_history(answer: object, user: User, server_id: str) -> dict[str, Any]:
    """Return `/history` for one user: only their own prompts."""
    if not isinstance(answer, dict):
        raise ShapeError("/history is not ComfyUI's")
    return {name: entry for name, entry in answer.items() if owns_entry(name, entry, user, server_id)}


def owns_entry(prompt_id: str, entry: object, user: User, server_id: str) -> bool:
    """Whether a history entry is theirs."""
    try:
        run = read_entry(entry)
    except HistoryError:
        return False
    return run.prompt_id == prompt_id and user.owns(server_id, prompt_id, run.extra_data)


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """A history entry of a user, as text, and what it may prove."""

    prompt_id: str
    text: bytes
    run: ProvingRun


@dataclass(frozen=True, slots=True)
class FoundPrompt:
    """A prompt in a server's history: whether it is the user's (None if it is not there), and its run."""

    is_own: bool | None
    run: ProvingRun | None = None


Etags = Mapping[str, Mapping[File, str]]  # by prompt_id, the files that are proven to be the user's


def own_history(text: bytes | bytearray, user: User, server_id: str) -> tuple[OwnEntry, ...]:
    """Return a user's own entries from the text of a `/history`."""
    return _own_entries(project_history(parse_json(text, "/history"), user, server_id), user, server_id)


def _own_entries(entries: Mapping[str, Any], user: User, server_id: str) -> tuple[OwnEntry, ...]:
    runs = {name: ProvingRun.of(entry, user, server_id) for name, entry in entries.items()}
    return tuple(
        OwnEntry(name, json.dumps(entry).encode(), run)
        for name, entry in entries.items()
        if (run := runs[name]) is not None
    )


def own_entry(text: bytes | bytearray, user: User, server_id: str) -> tuple[OwnEntry, ...] | None:
    """Return the entry in the text of a `/history/{id}`, if there is one; None if it is not this user's."""
    entries = parse_json(text, "/history")
    own = project_history(entries, user, server_id)
    return _own_entries(own, user, server_id) if own == entries else None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A user's runs on one page of a history, the times of others' runs, and when the first of all of them began."""

    runs: tuple[ProvingRun, ...]
    others: tuple[Span, ...] = ()
    since: float | None = None  # None if unknown


def own_runs(text: bytes | bytearray, user: User, server_id: str, wanted: frozenset[File] | None = None) -> HistoryPage:
    """Return a user's runs that list wanted files, from the text of a `/history`."""
    entries = parse_json(text, "/history")
    if not isinstance(entries, dict):
        raise ShapeError("/history is not ComfyUI's")
    runs = read_runs(entries.values(), user, server_id, wanted)
    others = tuple(Span.of(entry) for name, entry in entries.items() if not owns_entry(name, entry, user, server_id))
    return HistoryPage(runs, others, min(filter(None, map(begin_of, entries.values())), default=None))


def find_entry(text: bytes | bytearray, prompt_id: str, user: User, server_id: str) -> FoundPrompt:
    """Find a prompt in the text of a `/history/{id}`, which may have that entry alone."""
    entries = parse_json(text, "/history")
    if not isinstance(entries, dict):
        raise ShapeError("/history is not ComfyUI's")
    if not entries:
        return FoundPrompt(None)
    if not all(owns_entry(name, entry, user, server_id) for name, entry in entries.items()):
        return FoundPrompt(False)
    return FoundPrompt(True, ProvingRun.of(entries.get(prompt_id), user, server_id))


def seal_history(text: bytes | bytearray, etags: Etags, user: User, server_id: str) -> bytes:
    """Return a user's history with the seals of the files that are proven to be theirs."""
    entries = parse_json(text, "/history")
    assert isinstance(entries, dict)
    for prompt_id, entry in entries.items():
        seal_files(described_files(entry["outputs"]), etags.get(prompt_id, {}), user, server_id)
    return json.dumps(entries).encode()


def seal_files(
    described: Iterable[tuple[str, dict[str, Any]]], etags: Mapping[File, str], user: User, server_id: str
) -> None:
    """Seal these files, as far as they are proven to be the user's."""
    for _, one in described:
        one.pop(KEY, None)
        file = File.of(server_id, one)
        if file is not None and file in etags:
            one[KEY] = seal(user.keys, user.name, file, etags[file], time.time())


def read_job_ids(text: bytes | bytearray) -> tuple[tuple[str, ...], bytes]:
    """Return the ids in the text of a `/api/jobs`, and the text."""
    return tuple(job["id"] for job in _jobs(parse_json(text, "/api/jobs"))), bytes(text)


def seal_jobs(text: bytes | bytearray, etags: Etags, user: User, server_id: str) -> bytes:
    """Return the text of `/api/jobs` for one user: of others' jobs, only the state. `etags` has all of the user's."""
    answer = parse_json(text, "/api/jobs")
    shown = project_jobs(answer, frozenset(etags), user, server_id)
    for job in shown["jobs"]:
        if job["id"] in etags:
            _seal_job(job, etags[job["id"]], user, server_id)
    return json.dumps(shown).encode()


def read_job(text: bytes | bytearray) -> bytes:
    """Return the text of one job, checked."""
    if not isinstance(parse_json(text, "/api/jobs"), dict):
        raise ShapeError("/api/jobs is not ComfyUI's")
    return bytes(text)


def seal_job(text: bytes | bytearray, etags: Mapping[File, str], user: User, server_id: str) -> bytes:
    """Return the text of one job of a user with the seals of its files."""
    job = parse_json(text, "/api/jobs")
    assert isinstance(job, dict)
    _seal_job(job, etags, user, server_id)
    return json.dumps(job).encode()


def _seal_job(job: dict[str, Any], etags: Mapping[File, str], user: User, server_id: str) -> None:
    preview = job.get("preview_output")
    shown = [("", preview)] if isinstance(preview, dict) else []
    seal_files([*described_files(job.get("outputs")), *shown], etags, user, server_id)


def project_jobs(answer: object, own: frozenset[str], user: User, server_id: str) -> dict[str, Any]:
    """Return `/api/jobs` for one user: of others' jobs, only the state. `own` are the user's ids."""
    listed = [
        job if job["id"] in own else {"id": other_id(user.keys, server_id, job["id"]), "status": job.get("status")}
        for job in _jobs(answer)
    ]
    assert isinstance(answer, dict)
    return {"jobs": listed, "pagination": answer.get("pagination", {})}


def _jobs(answer: object) -> list[dict[str, Any]]:
    if not isinstance(answer, dict) or not isinstance(answer.get("jobs"), list):
        raise ShapeError("/api/jobs is not ComfyUI's")
    return [job for job in answer["jobs"] if isinstance(job, dict) and isinstance(job.get("id"), str)]


def project_stats(answer: object) -> dict[str, Any]:
    """Return `/system_stats` without the server's command line, which has paths and ports of its machine."""
    if not isinstance(answer, dict) or not isinstance(answer.get("system"), dict):
        raise ShapeError("/system_stats is not ComfyUI's")
    return {**answer, "system": {key: value for key, value in answer["system"].items() if key != "argv"}}


def project_loads(loads: Mapping[str, Any], marks: Mapping[str, Mapping[str, str]], user: User) -> dict[str, Any]:
    """Return `/fleet/loads` for one user: others' prompts count, with substitutes for their ids.

    `marks` are the owners' marks, by server and prompt_id.
    """
    return {
        **loads,
        "servers": {server_id: _own_load(server_id, load, marks, user) for server_id, load in loads["servers"].items()},
    }


def _own_load(
    server_id: str, load: Mapping[str, Any], marks: Mapping[str, Mapping[str, str]], user: User
) -> dict[str, Any]:
    known = marks.get(server_id, {})

    def shown_id(prompt_id: str) -> str:
        is_own = user.owns(server_id, prompt_id, {"mooring": known.get(prompt_id)})
        return prompt_id if is_own else other_id(user.keys, server_id, prompt_id)

    return {key: [shown_id(one) for one in value] if isinstance(value, list) else value for key, value in load.items()}


def project_text(text: bytes | bytearray, path: str, user: User, server_id: str) -> bytes:
    """Return the part of a server's answer to this path that one user may see, from text to text."""
    return json.dumps(PROJECTED[path](parse_json(text, path), user, server_id)).encode()


def _same_stats(answer: object, _user: User, _server_id: str) -> dict[str, Any]:
    return project_stats(answer)


PROJECTED: Mapping[str, Callable[[object, User, str], dict[str, Any]]] = {
    "/queue": project_queue,
    "/system_stats": _same_stats,
}


def own_files(text: bytes | bytearray, user: User) -> bytes:
    """Return an `/object_info` in which choices name only files and folders that this user may use."""
    answer = parse_json(text, "/object_info")
    if not isinstance(answer, dict):
        return b"{}"
    nodes, files = split_files(answer)
    own = {
        name: {
            key: [one for one in names if isinstance(one, str) and user.may_list(one)] for key, names in lists.items()
        }
        for name, lists in files.items()
    }
    return json.dumps(with_files(without_folder(nodes, FOLDER), own)).encode()


def hide_folders(value: Any, user: User) -> Any:
    """Return a JSON value without the names of other users' folders: out of lists, and as `…` within texts."""

    def hidden(text: str) -> str:
        return _PRIVATE.sub(lambda found: found[0] if user.may_list(found[0]) else f"{FOLDER}/…", text)

    match value:
        case dict():
            return {hidden(key): hide_folders(item, user) for key, item in value.items()}
        case list():
            return [hide_folders(item, user) for item in value if not _is_others(item, user)]
        case str():
            return hidden(value)
        case _:
            return value


def hide_folders_in_text(text: bytes, user: User) -> bytes:
    """Run `hide_folders` from text to text; an answer that is not JSON is left out if it names such a folder."""
    if FOLDER.encode() not in text.lower():
        return text
    try:
        return json.dumps(hide_folders(read_json(text, _ANSWER), user)).encode()
    except JsonError:
        return b"{}"


def own_models(text: bytes | bytearray, user: User) -> bytes:
    """Return a list of models without those below other users' folders: data sets are kept among the models."""
    answer = parse_json(text, "/models")
    items = answer if isinstance(answer, list) else []
    names = (item.get("name") if isinstance(item, dict) else item for item in items)
    shown = [item for item, name in zip(items, names, strict=True) if not _is_others(name, user)]
    return json.dumps(shown).encode()


def _is_others(item: object, user: User) -> bool:
    return isinstance(item, str) and item.lower().startswith(FOLDER) and not user.may_list(item)
