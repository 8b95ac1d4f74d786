"""A press of Run as text: whole, bounded, and without the user's texts in a private window."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.core.model import BatchId, Part, PromptId, WindowId
from app.core.presses import LONGEST, Press, read_presses, write_presses
from app.core.records import BrokenRecord
from app.core.waiting_runs import Attachment, Batch, WaitingRun, write_values

ME = WindowId("w-1")
BATCH = Batch(
    batch_id=BatchId("p-1"),
    workflow='{"1": {"class_type": "LoadImage", "inputs": {}}}',
    title="沙丘 \ud83c",
    inputs=(Attachment(node_id="1", input_name="image", sha256="", name="雪.png", size=9),),
    is_click=True,
)
ENTRY = WaitingRun(
    prompt_id=PromptId("p-1"), owner=ME, part=Part(batch_id=BatchId("p-1")), values=write_values({("3", "seed"): 2**64})
)
PRESS = Press(prompt_id=PromptId("p-1"), window_id=ME, at=5.5, batch=BATCH, entries=(ENTRY,), editor="{}", senders=3)


def test_press_is_read_back_unchanged() -> None:
    other = replace(PRESS, prompt_id=PromptId("p-2"))
    text = write_presses([PRESS, other])
    assert text is not None and read_presses(text) == (PRESS, other)
    assert read_presses("") == ()


def test_private_press_has_no_text_of_the_users() -> None:
    (found,) = read_presses(write_presses([PRESS.redacted]) or "")
    assert found == Press(prompt_id=PRESS.prompt_id, window_id=ME, at=5.5)


def test_long_workflow_fits_and_noise_does_not() -> None:
    long = replace(PRESS, batch=replace(BATCH, workflow=BATCH.workflow * 5_000))
    assert len(write_presses([long]) or "") in range(1, LONGEST)
    noise = "".join(chr(random.Random(1).randrange(0x4E00, 0x9FA5)) for _ in range(3))
    noise = "".join(random.Random(2).choices([chr(code) for code in range(0x4E00, 0x9FA5)], k=60_000)) + noise
    assert write_presses([replace(PRESS, editor=noise)]) is None


@pytest.mark.parametrize("text", ["nonsense", "eJw=", "bm90aGluZw=="])
def test_damaged_text_is_a_broken_record(text: str) -> None:
    with pytest.raises(BrokenRecord):
        read_presses(text)
