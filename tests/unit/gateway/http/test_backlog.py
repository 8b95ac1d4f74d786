"""A slow browser's backlog: bounded, events in order, without outdated messages."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.backlog import Backlog, QueuedFrame, overtaking_key


def event(kind: str, **data: object) -> QueuedFrame:
    return QueuedFrame(json.dumps({"type": kind, "data": data}).encode(), is_text=True)


def preview(prompt_id: str, image: bytes = b"image") -> QueuedFrame:
    metadata = json.dumps({"prompt_id": prompt_id}).encode()
    return QueuedFrame(struct.pack(">II", 4, len(metadata)) + metadata + image, is_text=False)


def drain(backlog: Backlog) -> list[QueuedFrame]:
    frames = []
    while (frame := backlog.pop()) is not None:
        frames.append(frame)
    return frames


def roomy() -> Backlog:
    return Backlog(most_bytes=1_000_000, most_frames=1_000)


def test_messages_stay_in_order_if_none_is_outdated() -> None:
    frames = [event("execution_start", prompt_id="a"), event("progress", prompt_id="a", value=1), preview("a")]
    backlog = roomy()
    assert all(backlog.put(frame) for frame in frames)
    assert drain(backlog) == frames
    assert backlog.size == 0


def test_events_of_file_scans_are_left_out() -> None:
    backlog = roomy()
    kept = [
        event("executed", node="assets.x"),
        event("assets", x=1),
        QueuedFrame(b'{"type": "assets.', is_text=True),
        preview("a"),
    ]
    scans = [
        event("assets.seed.progress", scanned=4, total=9),
        QueuedFrame(b'{"type":"assets.seed.fast_complete"}', is_text=True),
    ]
    assert all(backlog.put(frame) for frame in (*kept, *scans))
    assert drain(backlog) == kept


def test_latest_progress_stays_behind_earlier_events() -> None:
    backlog = roomy()
    executing = event("executing", prompt_id="a", node="3")
    backlog.put(event("progress", prompt_id="a", value=1))
    backlog.put(executing)
    backlog.put(last := event("progress", prompt_id="a", value=2))
    assert drain(backlog) == [executing, last]


def test_each_prompt_has_its_own_latest() -> None:
    backlog = roomy()
    frames = [
        event("progress", prompt_id="a", value=1),
        event("progress", prompt_id="b", value=1),
        event("progress_state", prompt_id="a", nodes={}),
        preview("a"),
        preview("b"),
    ]
    for frame in frames:
        backlog.put(frame)
    assert drain(backlog) == frames


@pytest.mark.parametrize(
    "frame",
    [
        event("executed", prompt_id="a"),
        event("status", status={}),
        QueuedFrame(b"no json", is_text=True),
        QueuedFrame(b'{"type": "progress", "data"', is_text=True),
        QueuedFrame(b"[]", is_text=True),
        QueuedFrame(b'["progress"]', is_text=True),
        QueuedFrame(b"", is_text=False),
        QueuedFrame(struct.pack(">II", 3, 1) + b"2text", is_text=False),
        QueuedFrame(struct.pack(">II", 4, 2**32 - 1) + b"{}", is_text=False),
        QueuedFrame(struct.pack(">II", 4, 3) + b"{{{x", is_text=False),
    ],
)
def test_unknown_message_is_kept(frame: QueuedFrame) -> None:
    assert overtaking_key(frame) is None


def test_preview_without_metadata_is_replaced_too() -> None:
    assert overtaking_key(QueuedFrame(struct.pack(">II", 1, 1) + b"jpeg", is_text=False)) == ("preview", "")


def test_frame_of_an_animation_replaces_only_that_of_its_index() -> None:
    backlog = Backlog(most_bytes=1_000, most_frames=100)
    first, second, again = (
        QueuedFrame(struct.pack(">IIII16p", 1, 1, 1, index, b"2") + b"\xff\xd8" + picture, is_text=False)
        for index, picture in ((0, b"a"), (1, b"b"), (0, b"c"))
    )
    for frame in (first, second, again):
        backlog.put(frame)
    assert drain(backlog) == [second, again]


def test_previews_are_dropped_before_the_browser() -> None:
    backlog = Backlog(most_bytes=1_000, most_frames=100)
    kept = event("executed", prompt_id="a")
    assert backlog.put(kept)
    assert backlog.put(preview("a", b"x" * 600))
    assert backlog.put(preview("b", b"x" * 600))
    assert backlog.put(event("progress", prompt_id="a"))
    assert len(backlog) == 3
    assert backlog.pop() == kept


def test_too_many_events_are_refused() -> None:
    backlog = Backlog(most_bytes=1_000_000, most_frames=3)
    assert all(backlog.put(event("executed", node=str(index))) for index in range(3))
    assert not backlog.put(event("executed", node="3"))


def test_too_many_bytes_are_refused_except_a_single_frame() -> None:
    backlog = Backlog(most_bytes=100, most_frames=10)
    assert backlog.put(event("executed", text="x" * 500))
    assert not backlog.put(event("executed", text="x"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["executed", "progress", "progress_state"]), st.sampled_from("ab"), st.booleans())
    )
)
def test_kept_events_are_ordered_with_each_latest_progress(steps: list[tuple[str, str, bool]]) -> None:
    backlog = roomy()
    sent: list[QueuedFrame] = []
    out: list[QueuedFrame] = []
    for number, (kind, prompt_id, takes_one) in enumerate(steps):
        sent.append(event(kind, prompt_id=prompt_id, number=number))
        assert backlog.put(sent[-1])
        if takes_one and (frame := backlog.pop()) is not None:
            out.append(frame)
    out += drain(backlog)
    order = [sent.index(frame) for frame in out]
    assert order == sorted(order)
    assert [frame for frame in out if overtaking_key(frame) is None] == [
        frame for frame in sent if overtaking_key(frame) is None
    ]
    latest = {overtaking_key(frame): frame for frame in sent if overtaking_key(frame)}
    assert all(frame in out for frame in latest.values())


@pytest.mark.parametrize("inner", [b"[" * 200_000, b"[" + b"0," * 60_000 + b"0]", b'"' + b"x" * 1_100_000 + b'"'])
def test_progress_that_is_not_read_is_kept_like_any_event(inner: bytes) -> None:
    frame = QueuedFrame(b'{"type": "progress", "data": {"prompt_id": "a", "more": ' + inner + b"}}", is_text=True)
    assert overtaking_key(frame) is None


def test_preview_with_deep_metadata_has_no_prompt() -> None:
    metadata = b"[" * 60_000
    assert (
        overtaking_key(QueuedFrame(struct.pack(">II", 4, len(metadata)) + metadata + b"image", is_text=False)) is None
    )
