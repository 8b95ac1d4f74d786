"""Nodes of other extensions than Use Everywhere that pass on a link in the editor, and that no server knows."""

from __future__ import annotations

from typing import Any

from tests.editor.drawing import INSIDE, Drawing, key

_TINT = [0.5, 7, "fixed", "soft", ""]


def _passed_on(setter: str, getter: str) -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(
        2,
        setter,
        ["picture"],
        outputs=1,
        properties={"previousName": "picture"},
        types={"IMAGE": "IMAGE"},
        IMAGE=(1, 0),
    )
    draw.node(3, getter, ["picture"], outputs=1)["outputs"][0].update(name="IMAGE", type="IMAGE")
    draw.node(4, "CaseTint", _TINT, image=(3, 0))
    draw.node(5, "CaseKeep", images=(4, 0))
    draw.node(6, "CaseKeep", images=(3, 0))
    return draw.file()


def set_and_get_of_kjnodes() -> dict[str, Any]:
    return _passed_on("SetNode", "GetNode")


def set_and_get_of_easy_use() -> dict[str, Any]:
    return _passed_on("easy setNode", "easy getNode")


def set_and_get_of_kjnodes_inside() -> dict[str, Any]:
    inner = Drawing(key(1), "Inner", first_link=100)
    image = inner.port("image", "IMAGE")
    inner.node(
        10,
        "SetNode",
        ["x"],
        outputs=1,
        properties={"previousName": "x"},
        types={"IMAGE": "IMAGE"},
        IMAGE=(INSIDE, image),
    )
    inner.node(11, "GetNode", ["x"], outputs=1)["outputs"][0].update(name="IMAGE", type="IMAGE")
    inner.node(12, "CaseTint", _TINT, image=(11, 0))
    inner.leave("IMAGE", "IMAGE", 12, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(inner).file()


def get_of_kjnodes_inside_of_a_set_outside() -> dict[str, Any]:
    inner = Drawing(key(1), "Inner", first_link=100)
    inner.node(11, "GetNode", ["x"], outputs=1)["outputs"][0].update(name="IMAGE", type="IMAGE")
    inner.node(12, "CaseTint", _TINT, image=(11, 0))
    inner.leave("IMAGE", "IMAGE", 12, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1))
    draw.node(3, "CaseKeep", images=(2, 0))
    draw.node(4, "SetNode", ["x"], outputs=1, properties={"previousName": "x"}, types={"IMAGE": "IMAGE"}, IMAGE=(1, 0))
    return draw.hold(inner).file()


def _rerouted(kind: str) -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, kind, outputs=1, types={"input": "IMAGE"}, input=(1, 0))["outputs"][0].update(name="", type="IMAGE")
    draw.nodes[1]["inputs"][0]["name"] = ""
    draw.node(3, kind, outputs=1, types={"input": "IMAGE"}, input=(2, 0))["outputs"][0].update(name="", type="IMAGE")
    draw.nodes[2]["inputs"][0]["name"] = ""
    draw.node(4, "CaseKeep", images=(3, 0))
    return draw.file()


def reroute_of_mxtoolkit() -> dict[str, Any]:
    return _rerouted("mxReroute")


def reroute_of_rgthree() -> dict[str, Any]:
    return _rerouted("Reroute (rgthree)")
