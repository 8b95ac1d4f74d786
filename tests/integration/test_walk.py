"""The stations of a run in docs/architecture.md, compared with a traced run."""

from __future__ import annotations

import re

from benchmarks.walk import ROOT, trace_run

ADAPTERS = ("app/browser/", "static/")  # need a browser; `test_docs.py` checks that they exist


def stations() -> list[str]:
    """Return the walk's stations that run without a browser, as `file::function`."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    walk = re.findall(r"^\| \d+ \| `([\w.]+)` in `([\w./]+)` \|", text, re.MULTILINE)
    return [f"{file}::{name}" for name, file in walk if not file.startswith(ADAPTERS)]


async def test_run_calls_the_documented_stations_in_order() -> None:
    trace = await trace_run()
    calls = iter(trace.calls)
    walk = stations()
    assert walk[0].endswith("::ActionTable.act") and walk[-1].endswith("::changed_regions")
    assert [station for station in walk if station not in calls] == []  # `in` consumes, so order counts
    assert "app/session/delivery/deliver.py::Courier.deliver" in trace.steps
