"""Finding the files that an output lists, whatever else it contains."""

from __future__ import annotations

import time

from gateway.people.evidence import described_files
from gateway.people.files import MOST_FILES


def test_files_are_found_in_lists_of_files_alone() -> None:
    a, b = {"filename": "a", "x": {"filename": "within"}}, {"filename": "b"}
    outputs = {
        "1": {"images": [a], "result": ["", {"filename": "c"}, None], "deep": [[{"filename": "d"}]]},
        "2": 3,
        "3": {"gifs": [b], "one": {"filename": "e"}, "none": [], "text": ["f"]},
    }
    assert list(described_files(outputs)) == [("1", a), ("3", b)]
    assert [list(described_files(odd)) for odd in (None, [], {"1": []}, "x")] == [[], [], [], []]


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
