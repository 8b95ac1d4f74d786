"""Cases of the newer inputs that hold other inputs: choices, lists of sockets, sockets of one type, rows."""

from __future__ import annotations

from typing import Any

from tests.editor.drawing import Drawing


def a_choice_brings_its_inputs() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSwitch", [1, "by side", 128, 2], size__guide=(1, 0))
    draw.node(3, "CaseSwitch", [1, "free", 2])
    draw.node(4, "CaseSwitch")
    return draw.file()


def a_choice_within_a_choice() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSwitch", [1, "deep", "on", "word", 77, "fixed", 2])
    draw.node(2, "CaseSwitch", [1, "deep", "off", 78, "fixed", 2])
    return draw.file()


def a_choice_not_taken_keeps_no_links() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSwitch", [1, "free", 2], size__guide=(1, 0))
    return draw.file()


def a_choice_is_fed_by_a_link() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSwitch", [1, "by side", 128, 2], widgets=("size__side", "after"), size__side=(1, 2), after=(1, 2))
    return draw.file()


def sockets_grow() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(
        2, "CaseGrow", [3], images__image0=(1, 0), images__image1=(1, 0), images__image2=(1, 0), images__image3=None
    )
    draw.node(3, "CaseGrow", [4], images__image0=(1, 0), images__image1=None)
    draw.node(4, "CaseNamed", [5], parts__head=(1, 0), parts__body=(1, 0), parts__tail=(1, 0))
    return draw.file()


def widgets_grow() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseGrowNumbers", [1, 2, 3])
    draw.node(3, "CaseGrowNumbers", [1, 2, 3, 4], widgets=("n__n0", "n__n1"), n__n0=None, n__n1=(1, 2))
    return draw.file()


def sockets_of_one_type() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseMatch", [True], on=(1, 1), off=(1, 1))
    draw.node(3, "CaseShow", source=(2, 0))
    return draw.file()


def rows() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseRows", [5, 2, 0.5, "one", 0.25, "two", 6])
    draw.node(2, "CaseRows", [5, 1, 0.5, "one", 6])
    draw.node(3, "CaseRows")
    draw.node(4, "CaseRows", [5, 0, 6])
    return draw.file()


def own_options() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CustomCombo", ["two", 1, "one", "two", ""])
    draw.node(2, "CustomCombo", ["gone", 0, "one", ""])
    return draw.file()
