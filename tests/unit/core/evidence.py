"""Random evidence about a task: one piece, or a life of it ordered by time."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from hypothesis import strategies as st

from app.core.evidence import (
    Absent,
    Accepted,
    CancelAsked,
    Evidence,
    Executed,
    Finished,
    GivenUp,
    Moved,
    NoAnswer,
    Refused,
    Removed,
    ReportedEnd,
    Seen,
    Started,
    Unclear,
)
from app.core.model import Failure, NodeError
from tests.kit.builders import output

ENDS = st.sampled_from(["success", "error", "interrupted"])
FAILURES = st.sampled_from([None, Failure(kind="execution", message="broken")])
OUTPUTS = st.lists(st.sampled_from([output(f"out_{n}_.png", str(n)) for n in range(4)]), unique=True).map(tuple)
ERRORS = st.sampled_from([(), (NodeError(node_id="6", class_type="SaveImage", type="t", message="m"),)])
CLOCKS = st.sampled_from([None, 1_795_597_062_929])
CAUSES = st.sampled_from(["timeout", "lost"])


AT = st.just(0.0)
LOOKS = st.floats(0.0, 12.0).map(lambda took: Absent(-took, 0.0))
ANY: st.SearchStrategy[Evidence] = st.one_of(
    st.builds(Accepted, AT, st.sampled_from([None, 7.0]), ERRORS),
    st.builds(Refused, AT, st.sampled_from([Failure(kind="rejected"), Failure(kind="not_sent")])),
    st.builds(Unclear, AT, CAUSES),
    st.builds(Seen, AT, st.booleans(), st.sampled_from([None, 1, 2])),
    LOOKS,
    LOOKS,  # the rule that two looks are needed is where most can go wrong
    st.builds(Removed, AT),
    st.builds(Finished, AT, ENDS, OUTPUTS, FAILURES, CLOCKS),
    st.builds(NoAnswer, AT, CAUSES),
    st.builds(Moved, AT, st.sampled_from(["", "http://elsewhere:1"])),
    st.builds(Started, AT),
    st.builds(Executed, AT, OUTPUTS),
    st.builds(ReportedEnd, AT, ENDS, FAILURES, CLOCKS),
    st.builds(CancelAsked, AT),
    st.builds(GivenUp, AT),
)


def at(piece: Evidence, now: float) -> Evidence:
    """The same evidence, arriving at `now`; a poll began as long before as it took."""
    if isinstance(piece, Absent):
        return Absent(now + piece.began, now)
    return replace(piece, at=now)


def _in_order(steps: list[tuple[float, Evidence]]) -> list[Evidence]:
    times = accumulate((gap for gap, _ in steps), initial=100.0)
    return [at(piece, time) for (_, piece), time in zip(steps, list(times)[1:], strict=True)]


LIVES = st.lists(st.tuples(st.floats(0.0, 8.0), ANY), max_size=14).map(_in_order)
