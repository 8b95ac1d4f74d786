"""Cases of Use Everywhere, a pack whose nodes send a value to all inputs that fit. They need its script in the editor.

Observed with version 7.8 of the pack (https://github.com/chrisgoringe/cg-use-everywhere).
"""

from __future__ import annotations

from typing import Any

from tests.editor.drawing import INSIDE, Drawing, key

TINT = [0.5, 7, "fixed", "soft", ""]
SENDER = "Anything Everywhere"
_NEW = {"version": "7.8", "widget_ue_connectable": {}, "input_ue_unconnectable": {}}


def _ue(**facts: Any) -> dict[str, Any]:
    return {"ue_properties": {**_NEW, **facts}}


def _saved(*drawings: Drawing, **more: Any) -> dict[str, Any]:
    """The file as the pack saves it: each node with its properties."""
    for draw in drawings:
        for node in draw.nodes:
            node["properties"].setdefault("ue_properties", _NEW)
    return drawings[0].hold(*drawings[1:]).file(**more)


def _send(draw: Drawing, node_id: int, kind: str, source: tuple[int, int], **facts: Any) -> dict[str, Any]:
    return draw.node(node_id, SENDER, outputs=0, properties=_ue(**facts), types={"anything": kind}, anything=source)


def broadcast() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseTint", TINT)
    draw.node(4, "CaseTint", TINT, types={"image": "IMAGE"}, image=(2, 0))
    draw.node(5, "CaseJoin")
    draw.node(6, "CaseKeep")
    _send(draw, 7, "IMAGE", (1, 0))
    _send(draw, 8, "MASK", (2, 1))
    return _saved(draw)


def broadcast_to_widgets() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"seed": True, "note": False}))
    draw.node(3, "CaseTint", TINT)
    draw.node(4, "CaseTint", TINT, properties=_ue(input_ue_unconnectable={"image": True}))
    draw.node(5, "CaseJoin", properties={**_ue(), "rejects_ue_links": True})
    draw.node(6, "CaseNumbers", [5, 6, 0.5, False], properties=_ue(widget_ue_connectable={"even": True}))
    draw.node(7, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"note": True}))
    _send(draw, 8, "INT", (1, 2))
    _send(draw, 9, "IMAGE", (1, 0))
    _send(draw, 10, "STRING", (1, 3))
    return _saved(draw)


def broadcast_by_priority() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseJoin", title="twice")
    draw.node(4, "CaseKeep", title="once")
    _send(draw, 5, "IMAGE", (1, 0), title_regex="")
    _send(draw, 6, "IMAGE", (2, 0))
    _send(draw, 7, "MASK", (1, 1), priority=15)
    _send(draw, 8, "MASK", (2, 1), priority=9)
    _send(draw, 9, "IMAGE", (1, 0), title_regex="^once$")
    return _saved(draw)


def broadcast_by_title_and_name() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseKeep", title="First pass")
    draw.node(4, "CaseKeep", title="second pass\nof two")
    draw.node(5, "CaseJoin")
    draw.node(6, "CaseJoin", types={"one": "IMAGE"}, one=None)["inputs"][0]["label"] = "renamed"
    _send(draw, 7, "IMAGE", (1, 0), title_regex="^(?:First|Third)\\spass$|two", input_regex="im(a|b)g\\w+")
    _send(draw, 8, "IMAGE", (2, 0), input_regex="^(?!t)[a-o]", title_regex="pass", title_regex_invert=True)
    _send(draw, 9, "MASK", (2, 1), input_regex="[")
    return _saved(draw)


def broadcast_by_inverted_name() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseJoin")
    draw.node(3, "CaseKeep")
    _send(draw, 4, "IMAGE", (1, 0), input_regex="one|s$", input_regex_invert=True)
    _send(draw, 5, "MASK", (1, 1), input_regex=".*", input_regex_invert=True)
    return _saved(draw)


def _grouped() -> tuple[Drawing, dict[str, Any]]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    for node_id, x in ((3, 0), (4, 1000), (5, 2000)):
        draw.node(node_id, "CaseTint", TINT)["pos"] = [x, 1000]
    groups = [
        {"id": 1, "title": "Left", "bounding": [-50, 900, 700, 900]},
        {"id": 2, "title": "Middle", "bounding": [950, 900, 700, 900]},
    ]
    return draw, {"groups": groups}


def broadcast_in_group() -> dict[str, Any]:
    draw, more = _grouped()
    _send(draw, 6, "IMAGE", (1, 0), group_restricted=1)["pos"] = [100, 1400]
    _send(draw, 7, "MASK", (1, 1), group_restricted=2)["pos"] = [1100, 1400]
    return _saved(draw, **more)


def broadcast_by_group_name() -> dict[str, Any]:
    draw, more = _grouped()
    _send(draw, 6, "IMAGE", (1, 0), group_regex="^Mid")
    _send(draw, 7, "MASK", (1, 1), group_regex="Mid", group_regex_invert=True)
    _send(draw, 8, "MASK", (2, 1), group_regex="[", priority=5)
    return _saved(draw, **more)


def broadcast_by_colour() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    for node_id, colour in ((2, "#232"), (3, "#322"), (4, None)):
        node = draw.node(node_id, "CaseTint", TINT)
        if colour:
            node["color"] = colour
    _send(draw, 5, "IMAGE", (1, 0), color_restricted=1)["color"] = "#232"
    _send(draw, 6, "MASK", (1, 1), color_restricted=2)["color"] = "#322"
    _send(draw, 7, "IMAGE", (1, 0), color_restricted=1)
    return _saved(draw)


def _repeated(rule: int, names: tuple[str, str], *, has_rival: bool = False, **facts: Any) -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseJoin", title="one")
    draw.node(4, "CaseKeep", title="lone two")
    node = draw.node(
        5,
        SENDER,
        outputs=0,
        properties=_ue(repeated_type_rule=rule, **facts),
        types={"anything": "IMAGE", "anything11": "IMAGE", "anything12": "MASK"},
        anything=(1, 0),
        anything11=(2, 0),
        anything12=(1, 1),
    )
    node["inputs"][0]["label"], node["inputs"][1]["label"] = names
    if has_rival:
        draw.node(6, "CaseSource")
        _send(draw, 7, "IMAGE", (6, 0))
    return _saved(draw)


def broadcast_repeated_by_name() -> dict[str, Any]:
    return _repeated(0, ("one", "two"))


def broadcast_repeated_goes_first() -> dict[str, Any]:
    return _repeated(0, ("one", "two"), has_rival=True)


def broadcast_repeated_by_start() -> dict[str, Any]:
    return _repeated(1, ("o", "images of"))


def broadcast_repeated_by_end() -> dict[str, Any]:
    return _repeated(2, ("lone", "wo"))


def broadcast_repeated_by_title() -> dict[str, Any]:
    return _repeated(3, ("one", "lone two"))


def broadcast_repeated_by_pattern() -> dict[str, Any]:
    return _repeated(4, ("^o", "t|s$"))


def broadcast_unrepeated_by_name() -> dict[str, Any]:
    return _repeated(0, ("two", "images"), apply_to_unrepeated=1)


def broadcast_to_other_types() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(
        2, "CaseChoices", ["a", "p", "fixed", "", ["x"], None], properties=_ue(widget_ue_connectable={"old": True})
    )
    draw.node(3, "CaseShow")
    draw.node(4, "CaseAny")
    _send(draw, 5, "STRING", (1, 3), string_to_combo=1)
    _send(draw, 6, "IMAGE", (1, 0), send_to_any=1)
    return _saved(draw)


def broadcast_around_muted() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource", mode=2)
    draw.node(3, "CaseTint", TINT, mode=4, types={"image": "IMAGE"}, image=(1, 0))
    draw.node(4, "CaseTint", TINT, mode=4)
    draw.node(5, "CaseKeep", types={"images": "IMAGE"}, images=(4, 0))
    draw.node(6, "CaseTint", TINT)
    _send(draw, 7, "IMAGE", (3, 0))
    _send(draw, 8, "MASK", (2, 1))
    draw.node(9, SENDER, mode=4, outputs=0, types={"anything": "MASK"}, anything=(1, 1))
    draw.node(10, "CaseTint", TINT, types={"image": "IMAGE"}, image=(11, 0))
    draw.node(11, "CaseTint", TINT, mode=2)
    return _saved(draw)


def broadcast_in_subgraph() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    slot = inner.port("image", "IMAGE")
    inner.node(10, "CaseTint", TINT)
    inner.node(11, "CaseJoin")
    inner.node(12, "CaseSource")
    inner.node(13, SENDER, outputs=0, types={"anything": "IMAGE"}, anything=(INSIDE, slot))
    inner.node(14, SENDER, outputs=0, types={"anything": "MASK"}, anything=(12, 1))
    inner.exits.append({"id": key(9), "name": "MASK", "type": "MASK", "linkIds": []})
    inner.leave("IMAGE", "IMAGE", 11, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), types={"image": "IMAGE"}, image=(1, 0))
    draw.node(3, "CaseTint", TINT, types={"image": "IMAGE", "mask": "MASK"}, image=(2, 1), mask=(2, 0))
    draw.node(4, key(1))
    draw.node(5, "CaseKeep", types={"images": "IMAGE"}, images=(4, 1))
    _send(draw, 6, "IMAGE", (3, 0))
    return _saved(draw, inner)


def broadcast_subgraph_input_to_widgets() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    slot = inner.port("count", "INT")
    inner.node(10, "CaseNumbers", [5, 6, 0.5, False], properties=_ue(widget_ue_connectable={"small": True}))
    inner.node(11, SENDER, outputs=0, types={"anything": "INT"}, anything=(INSIDE, slot))
    inner.leave("INT", "INT", 10, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), types={"count": "INT"}, count=(1, 2))
    draw.node(3, key(1))
    draw.node(4, "CaseShow", types={"source": "INT"}, source=(2, 0))
    draw.node(5, "CaseShow", types={"source": "INT"}, source=(3, 0))
    return _saved(draw, inner)


def broadcast_from_any_node() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "CaseSource")
    inner.leave("INT", "INT", 10, 2)
    draw = Drawing()
    silent = {"MASK": True, "INT": True}
    draw.node(1, "CaseSource", properties={**_ue(output_not_broadcasting=silent), "ue_convert": True})
    draw.node(2, key(1), outputs=1, properties={**_ue(), "ue_convert": True})
    draw.node(3, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"seed": True, "note": True}))
    draw.node(4, "CaseJoin", outputs=2, properties={**_ue(priority=20), "ue_convert": True})
    return _saved(draw, inner)


def broadcast_prompts() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseConditioning")
    draw.node(2, "CaseConditioning")
    draw.node(3, "KSampler", [1, "fixed", 20, 7.5, "euler", "normal", 0.5])
    draw.node(4, "CaseConditioned")
    draw.node(
        5,
        "Prompts Everywhere",
        outputs=0,
        types={"positive": "CONDITIONING", "negative": "CONDITIONING"},
        positive=(1, 0),
        negative=(2, 0),
    )
    return _saved(draw)


def broadcast_one_prompt() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseConditioning")
    draw.node(3, "KSampler", [1, "fixed", 20, 7.5, "euler", "normal", 0.5])
    draw.node(5, "Prompts Everywhere", outputs=0, types={"positive": "CONDITIONING"}, positive=(1, 0))
    return _saved(draw)


def broadcast_seed() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "Seed Everywhere", [77, "fixed"], outputs=1)
    draw.node(2, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"seed": True}))
    draw.node(3, "CaseNumbers", [5, 6, 0.5, False], properties=_ue(widget_ue_connectable={"small": True}))
    draw.node(4, "CaseSource")
    _send(draw, 5, "INT", (4, 2))
    return _saved(draw)


def broadcast_of_version_6() -> dict[str, Any]:
    """The properties on the node itself, the patterns in its widgets."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, properties={"widget_ue_connectable": {"seed": True}}, title="to this")
    draw.node(3, "CaseTint", TINT, properties={"widget_ue_connectable": {}}, title="not here")
    old = {"group_restricted": 0, "color_restricted": 0, "widget_ue_connectable": {}}
    image = {"anything": "IMAGE"}
    draw.node(4, f"{SENDER}?", ["this", ".*", ".*"], outputs=0, properties=dict(old), types=image, anything=(1, 0))
    three = {"anything": "INT", "anything2": "MASK", "anything3": "STRING"}
    draw.node(
        5,
        f"{SENDER}3",
        outputs=0,
        properties=dict(old),
        types=three,
        anything=(1, 2),
        anything2=(1, 1),
        anything3=(1, 3),
    )
    return draw.file()


def broadcast_of_old_editors() -> dict[str, Any]:
    """No properties of the pack at all: inputs that had become sockets take values."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, widgets=("seed",), types={"image": "IMAGE", "seed": "INT"}, image=None, seed=None)
    draw.node(3, "CaseTint", TINT)
    draw.node(4, SENDER, outputs=0, types={"anything": "IMAGE"}, anything=(1, 0))["inputs"][0]["label"] = "IMAGE"
    draw.node(5, SENDER, outputs=0, types={"anything": "INT"}, anything=(1, 2))["inputs"][0]["label"] = "INT"
    return draw.file()


def broadcast_old_receivers() -> dict[str, Any]:
    """A sender of today, and nodes that were saved without the pack."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, widgets=("seed",), types={"seed": "INT"}, seed=None)
    draw.node(3, "CaseTint", TINT)
    _send(draw, 4, "INT", (1, 2))
    _send(draw, 5, "IMAGE", (1, 0))
    return draw.file()


def broadcast_through_reroute() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "Reroute", outputs=1, types={"": "*"}, **{"": (1, 0)})
    draw.node(3, "CaseKeep")
    draw.node(4, "Reroute", outputs=1, **{"": None})
    _send(draw, 5, "IMAGE", (2, 0))
    return _saved(draw)


def broadcast_to_growing_inputs() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseGrow", [1])
    draw.node(4, "CaseGrow", [1], types={"images__image0": "IMAGE"}, images__image0=(1, 0))
    _send(draw, 5, "IMAGE", (2, 0))
    return _saved(draw)


def broadcast_saved_while_sent() -> dict[str, Any]:
    """As a picture has it: with the links that the pack had added for the run."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    draw.node(3, "CaseKeep", types={"images": "IMAGE"}, images=(2, 0))
    draw.node(4, "CaseKeep", types={"images": "IMAGE"}, images=(2, 0))
    _send(draw, 5, "IMAGE", (1, 0))
    return _saved(draw, extra={"links_added_by_ue": [1]})


def broadcast_of_any_type() -> dict[str, Any]:
    """A sender whose link has no type sends nowhere."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep")
    draw.node(3, "CaseShow")
    _send(draw, 4, "*", (1, 0))
    return _saved(draw)


def broadcast_with_spare_inputs() -> dict[str, Any]:
    """The pack keeps one input without a type free, and drops others, also with their link."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep")
    draw.node(3, "CaseShow")
    kinds = {"anything": "*", "anything11": "IMAGE", "anything12": "*"}
    draw.node(4, SENDER, outputs=0, types=kinds, anything=(1, 0), anything11=(1, 0), anything12=None)
    return _saved(draw)


def broadcast_of_old_prompts() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseConditioning")
    draw.node(2, "CaseConditioning")
    draw.node(3, "CaseConditioned")
    both = {"positive": "CONDITIONING", "negative": "CONDITIONING"}
    draw.node(4, "Prompts Everywhere", outputs=0, types=both, positive=(1, 0), negative=(2, 0))
    return draw.file()


def broadcast_of_old_patterns() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep", title="to this")
    draw.node(3, "CaseKeep", title="not here")
    draw.node(4, "CaseJoin", title="not here")
    image, widgets = {"anything": "IMAGE"}, ("title_regex", "input_regex", "group_regex")
    node = draw.node(
        4 + 1, f"{SENDER}?", ["this", ".*", ".*"], outputs=0, types=image, widgets=widgets, anything=(1, 0)
    )
    node["inputs"][0]["label"] = "IMAGE"
    two = {"anything": "MASK", "anything2": "INT", "anything3": "*"}
    draw.node(6, f"{SENDER}3", outputs=0, types=two, anything=(1, 1), anything2=(1, 2), anything3=None)
    return draw.file()


def broadcast_of_very_old_names() -> dict[str, Any]:
    """Inputs that were named by their type: the pack no longer finds them."""
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT)
    draw.node(3, SENDER, outputs=0, types={"IMAGE": "IMAGE"}, IMAGE=(1, 0))
    draw.node(
        4, f"{SENDER}3", outputs=0, types={"anything": "MASK", "anything2": "*"}, anything=(1, 1), anything2=(1, 0)
    )
    return draw.file()


def broadcast_of_old_seed() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "Seed Everywhere", [77, "fixed"], outputs=1)
    draw.node(2, "CaseTint", TINT, widgets=("seed",), types={"seed": "INT"}, seed=None)
    draw.node(3, "CaseTint", TINT, widgets=("seed",), types={"seed": "INT"}, title="77", seed=None)
    return draw.file()


def broadcast_of_old_subgraph() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "CaseSource")
    inner.node(11, "CaseTint", TINT, widgets=("seed",), types={"seed": "INT"}, seed=None)
    inner.node(12, SENDER, outputs=0, properties=_ue(), types={"anything": "IMAGE"}, anything=(10, 0))
    inner.node(13, SENDER, outputs=0, properties=_ue(), types={"anything": "INT"}, anything=(10, 2))
    inner.leave("IMAGE", "IMAGE", 11, 0)
    draw = Drawing()
    draw.node(1, key(1))
    draw.node(2, "CaseKeep", types={"images": "IMAGE"}, images=(1, 0))
    return draw.hold(inner).file()


def broadcast_to_subgraph() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    image, seed = inner.port("picture", "IMAGE"), inner.port("number", "INT")
    inner.ports[0]["label"] = "Photo"
    kinds = {"image": "IMAGE", "seed": "INT"}
    inner.node(10, "CaseTint", TINT, widgets=("seed",), types=kinds, image=(INSIDE, image), seed=(INSIDE, seed))
    inner.leave("IMAGE", "IMAGE", 10, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), [8], properties=_ue(widget_ue_connectable={"number": True}))
    draw.node(3, key(1), [9])
    draw.node(4, "CaseJoin", types={"one": "IMAGE", "two": "IMAGE"}, one=(2, 0), two=(3, 0))
    _send(draw, 5, "IMAGE", (1, 0), input_regex="Pho")
    _send(draw, 6, "INT", (1, 2))
    return _saved(draw, inner)


def broadcast_by_shown_name() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseConditioning")
    draw.node(2, "CaseConditioned")
    _send(draw, 3, "CONDITIONING", (1, 0), input_regex="Words|sit")
    return _saved(draw)


def broadcast_inside_by_colour() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "CaseSource")
    for node_id, colour in ((11, "#232"), (12, None)):
        node = inner.node(node_id, "CaseTint", TINT)
        if colour:
            node["color"] = colour
    _send(inner, 13, "IMAGE", (10, 0), color_restricted=1)["color"] = "#232"
    _send(inner, 14, "MASK", (10, 1), color_restricted=2)["color"] = "#232"
    inner.leave("IMAGE", "IMAGE", 11, 0)
    draw = Drawing()
    draw.node(1, key(1))
    draw.node(2, "CaseKeep", types={"images": "IMAGE"}, images=(1, 0))
    return _saved(draw, inner)


def broadcast_inside_by_group_name() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "CaseSource")
    inner.node(11, "CaseTint", TINT)
    _send(inner, 13, "IMAGE", (10, 0), group_regex="Left")
    inner.leave("IMAGE", "IMAGE", 11, 0)
    draw, more = _grouped()
    draw.node(6, key(1))
    draw.node(7, "CaseKeep", types={"images": "IMAGE"}, images=(6, 0))
    return _saved(draw, inner, **more)


def broadcast_of_primitive() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [3, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "seed"})
    draw.node(2, "CaseTint", TINT, widgets=("seed",), types={"seed": "INT"}, seed=(1, 0))
    draw.node(3, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"seed": True}))
    draw.node(4, "CaseForced", [1, 2, "w"])
    _send(draw, 5, "INT", (1, 0))
    return _saved(draw)


def broadcast_by_both_restrictions() -> dict[str, Any]:
    draw, more = _grouped()
    draw.nodes[2]["color"] = draw.nodes[3]["color"] = "#232"
    node = _send(draw, 6, "IMAGE", (1, 0), group_restricted=1, color_restricted=1)
    node["pos"], node["color"] = [100, 1400], "#232"
    _send(draw, 7, "MASK", (1, 1), color_restricted=2, group_regex="Left|Mid")["color"] = "#322"
    _send(draw, 8, "MASK", (2, 1), group_restricted=1)["pos"] = [100, 1500]
    return _saved(draw, **more)


def broadcast_to_matching_inputs() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseMatch", [True], types={"on": "IMAGE"}, on=(1, 0))
    draw.node(3, "CaseMatch", [True], types={"off": "MASK"}, off=(1, 1))
    draw.node(4, "CaseMatch", [True])
    draw.node(5, "CaseMatch", [True], properties={**_ue(), "ue_convert": True}, types={"on": "STRING"}, on=(1, 3))
    draw.node(6, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"note": True}))
    _send(draw, 7, "IMAGE", (1, 0))
    _send(draw, 8, "MASK", (1, 1))
    return _saved(draw)


def broadcast_of_replaced_seed() -> dict[str, Any]:
    """As version 7.4 and later save a Seed Everywhere: as a number that sends itself."""
    draw = Drawing()
    facts = {"fixed_inputs": True, "seed_inputs": True, "input_regex": "seed|seed"}
    draw.node(1, "CaseNumbers", [5, 6, 0.5, False], outputs=1, properties={**_ue(**facts), "ue_convert": True})
    draw.node(2, "CaseTint", TINT, properties=_ue(widget_ue_connectable={"seed": True}))
    draw.node(3, "CaseNumbers", [5, 6, 0.5, False], properties=_ue(widget_ue_connectable={"small": True}))
    return _saved(draw)
