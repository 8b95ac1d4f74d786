"""Looking for the files that an output describes, whatever else stands in it."""

from __future__ import annotations

import time

from gateway.people.files import MOST_FILES, _described


def test_files_are_found_in_order_however_deep() -> None:
    told = {"1": {"images": [{"filename": "a"}, [{"filename": "b", "x": {"filename": "within"}}]]}, "2": 3}
    assert [one["filename"] for one in _described(told)] == ["a", "b"]


def test_a_long_list_in_an_output_holds_up_nobody() -> None:
    """A waveform, points of a mask: 800 kB of them took the gateway's one thread for 20 s."""
    began = time.process_time()
    assert len(list(_described({"points": [1] * 400_000, "images": [{"filename": "a"}] * MOST_FILES}))) == MOST_FILES
    assert time.process_time() - began < 3.0
