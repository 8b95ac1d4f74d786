"""Workflows that go in circles or come from nowhere: the editor cannot send them either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.workflows.editor.problems import Reason
from tests.editor.drawing import INSIDE, Drawing, key

TINT = [0.5, 7, "fixed", "soft", ""]


def link_from_nowhere() -> dict[str, Any]:
    draw = Drawing()
    draw.node(2, "CaseKeep", images=(99, 0))
    return draw.file()


def reroutes_in_a_circle() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "Reroute", outputs=1, **{"": (2, 0)})
    draw.node(2, "Reroute", outputs=1, **{"": (1, 0)})
    draw.node(3, "CaseKeep", images=(1, 0))
    return draw.file()


def bypassed_in_a_circle() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseTint", TINT, mode=4, image=(2, 0))
    draw.node(2, "CaseTint", TINT, mode=4, image=(1, 0))
    draw.node(3, "CaseKeep", images=(1, 0))
    return draw.file()


def subgraph_that_only_passes_on() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.leave("IMAGE", "IMAGE", INSIDE, inner.port("image", "IMAGE"))
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(inner).file()


def subgraph_in_itself() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, key(1))
    draw = Drawing()
    draw.node(1, key(1))
    return draw.hold(inner).file()


def subgraphs_in_each_other() -> dict[str, Any]:
    one, other = Drawing(key(1), first_link=100), Drawing(key(2), first_link=200)
    one.node(10, key(2))
    other.node(20, key(1))
    draw = Drawing()
    draw.node(1, key(1))
    return draw.hold(one, other).file()


REFUSED: dict[str, tuple[Callable[[], dict[str, Any]], Reason]] = {
    "link_from_nowhere": (link_from_nowhere, Reason.BROKEN_LINK),
    "reroutes_in_a_circle": (reroutes_in_a_circle, Reason.CYCLE),
    "bypassed_in_a_circle": (bypassed_in_a_circle, Reason.CYCLE),
    "subgraph_that_only_passes_on": (subgraph_that_only_passes_on, Reason.BROKEN_LINK),
    "subgraph_in_itself": (subgraph_in_itself, Reason.CYCLE),
    "subgraphs_in_each_other": (subgraphs_in_each_other, Reason.CYCLE),
}
