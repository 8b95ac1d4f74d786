"""Finding the files that an output lists, whatever else it contains, and proving many at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.http.upstream import Upstream
from gateway.people.evidence import ListedFile, ProvingRun, WriteTime, described_files
from gateway.people.files import MOST_FILES, FileState, UserFiles
from gateway.people.projection import HistoryPage
from gateway.people.seals import File
from gateway.people.user import User

UPSTREAM: Any = SimpleNamespace(server=SimpleNamespace(id="a"))  # which is asked nothing


def test_files_are_found_in_lists_of_files_alone() -> None:
    a, b = {"filename": "a", "x": {"filename": "within"}}, {"filename": "b"}
    outputs = {
        "1": {"images": [a], "result": ["", {"filename": "c"}, None], "deep": [[{"filename": "d"}]]},
        "2": 3,
        "3": {"gifs": [b], "one": {"filename": "e"}, "none": [], "text": ["f"]},
    }
    assert list(described_files(outputs)) == [("1", a), ("3", b)]
    odds: tuple[object, ...] = (None, [], {"1": []}, "x")
    assert [list(described_files(odd)) for odd in odds] == [[], [], [], []]


def test_model_that_is_named_by_its_path_is_described_once() -> None:
    outputs = {"1": {"result": ["mesh/x.glb", None]}}
    ((node_id, described),) = described_files(outputs)
    described["seal"] = "s"
    assert list(described_files(outputs)) == [(node_id, described)]
    assert outputs["1"] == {"result": ["mesh/x.glb", None], "mooring_3d": [described]}


def test_long_list_in_an_output_is_fast() -> None:
    """A waveform or the points of a mask: 800 kB of them took the gateway's one thread for 20 s."""
    began = time.process_time()
    shown = {"points": [1] * 400_000, "images": [{"filename": "a"}] * MOST_FILES}
    assert len(list(described_files({"1": shown}))) == MOST_FILES
    assert time.process_time() - began < 3.0


def _listing(count: int, signature: str, began: float = 200.0) -> ProvingRun:
    files = (File("a", "output", "", f"x_{number:05d}_.png") for number in range(count))
    return ProvingRun(tuple(ListedFile(file, True, signature) for file in files), (), began, began + 10.0)


def _states_of(run: ProvingRun, seconds: float) -> dict[File, FileState]:
    return {one.file: FileState(f'"{one.file.name}"', WriteTime(seconds, seconds)) for one in run.files}


async def test_each_listed_file_is_compared_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 runs of 200 files from the cache took seconds: each run was compared with each file of each other one."""
    runs = [_listing(30, f"node {number}") for number in range(20)]
    compared = 0
    wrote = ProvingRun.wrote

    def count(run: ProvingRun, written: WriteTime) -> bool:
        nonlocal compared
        compared += 1
        return wrote(run, written)

    monkeypatch.setattr(ProvingRun, "wrote", count)
    assert await UserFiles().prove(UPSTREAM, runs, None, _states_of(runs[0], 50.0)) == [{} for _ in runs]
    assert compared <= 2 * sum(len(run.files) for run in runs)


async def test_earlier_run_proves_files_of_all_later_ones() -> None:
    later, first = [_listing(3, "node", 300.0), _listing(3, "node", 400.0)], _listing(3, "node")
    other = _listing(3, "another node", 500.0)
    proven = {one.file: f'"{one.file.name}"' for one in first.files}
    found = await UserFiles().prove(UPSTREAM, [*later, other, first], None, _states_of(first, 205.0))
    assert found == [proven, proven, {}, proven]


async def test_proof_lets_other_work_run_between_runs() -> None:
    runs = [_listing(3, f"node {number}") for number in range(50)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await UserFiles().prove(UPSTREAM, runs, None, _states_of(runs[0], 50.0))
    counting.cancel()
    assert turns >= len(runs)


async def test_uploads_of_all_runs_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [_listing(2, f"node {number}") for number in range(3)]
    runs = [replace(run, uploads=("mine/cat.png", f"mine/{number}.png")) for number, run in enumerate(own)]
    states, asked = _states_of(runs[0], 50.0), []

    async def read_states(_files: UserFiles, _upstream: Upstream, wanted: Iterable[File]) -> dict[File, FileState]:
        asked.append(list(wanted))
        return {file: FileState('"x_00001_.png"' if file.name == "2.png" else '"none"') for file in asked[-1]}

    monkeypatch.setattr(UserFiles, "read_states", read_states)
    found = await UserFiles().prove(UPSTREAM, runs, None, states)
    assert [sorted(file.path for file in files) for files in asked] == [
        ["mine/0.png", "mine/1.png", "mine/2.png", "mine/cat.png"]
    ]
    assert found == [{}, {}, {runs[2].files[1].file: '"x_00001_.png"'}]


async def test_search_leaves_no_lock_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    files, held = UserFiles(), []

    async def pages(*_arguments: object) -> AsyncIterator[HistoryPage]:
        held.append(len(files._searches))
        yield HistoryPage(())
        yield HistoryPage(())

    monkeypatch.setattr("gateway.people.files.history_pages", pages)
    search = files.search_of(UPSTREAM, User("alice"))
    wanted = {File("a", "output", "", "x.png"): WriteTime(1.0, 1.0)}
    assert [page async for page in search(wanted)] == [HistoryPage(()), HistoryPage(())]
    async with aclosing(search(wanted)) as left_early:
        await anext(left_early)
    assert (held, len(files._searches)) == ([1, 1], 0)
