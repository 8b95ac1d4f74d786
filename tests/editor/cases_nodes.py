"""Cases of single nodes and plain graphs: values, links, reroutes, muted and bypassed nodes, primitives."""

from __future__ import annotations

from typing import Any

from tests.editor.drawing import Drawing

BIG = 2**64 - 1
TINT = [0.5, 7, "fixed", "soft", ""]


def _plain() -> Drawing:
    draw = Drawing()
    draw.node(1, "CaseSource", title="Where it starts")
    draw.node(2, "CaseTint", [0.25, 99, "randomize", "hard", "hello"], image=(1, 0), mask=(1, 1))
    draw.node(3, "SaveImage", ["cases/plain"], images=(2, 0))
    return draw


def links_as_lists() -> dict[str, Any]:
    return _plain().file()


def links_as_objects() -> dict[str, Any]:
    return _plain().file(is_new=True)


def groups_and_notes() -> dict[str, Any]:
    draw = _plain()
    draw.node(4, "Note", ["<b>not run</b>"], outputs=0)
    draw.node(5, "MarkdownNote", ["# not *run*"], outputs=0)
    group = {"id": 1, "title": "All", "bounding": [0, 0, 500, 500], "color": "#3f789e", "font_size": 24, "flags": {}}
    return draw.file(groups=[group])


def ids_as_text() -> dict[str, Any]:
    draw = Drawing()
    draw.node("one", "CaseSource")
    draw.node("2", "CaseKeep", images=("one", 0))
    return draw.file()


def pack_facts() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource", properties={"cnr_id": "comfy-core", "ver": "v0.3.64", "Node name for S&R": "CaseSource"})
    draw.node(2, "CaseSource", properties={"aux_id": "someone/some-nodes", "ver": "1a2b3c4"})
    draw.node(3, "CaseSource", properties={"cnr_id": "-bad-", "aux_id": "no slash", "ver": "not a version"})
    return draw.file()


def reroute_nodes() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "Reroute", outputs=1, **{"": (1, 0)})
    draw.node(3, "Reroute", outputs=1, **{"": (2, 0)})
    draw.node(4, "CaseKeep", images=(3, 0))
    draw.node(5, "Reroute", outputs=1, **{"": None})
    draw.node(6, "CaseKeep", images=(5, 0))
    return draw.file()


def reroute_points() -> dict[str, Any]:
    draw = _plain()
    extra = {
        "linkExtensions": [{"id": 1, "parentId": 2}],
        "reroutes": [
            {"id": 1, "pos": [10, 10], "linkIds": [1]},
            {"id": 2, "parentId": 1, "pos": [20, 20], "linkIds": [1]},
        ],
    }
    return draw.file(extra=extra)


def reroute_points_in_new_files() -> dict[str, Any]:
    draw = _plain()
    draw.links[0]["parentId"] = 1
    return draw.file(is_new=True, reroutes=[{"id": 1, "pos": [10, 10], "linkIds": [1]}])


def muted() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, mode=2, image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    draw.node(4, "CaseTint", TINT, image=(1, 0), mask=(5, 1))
    draw.node(5, "CaseSource", mode=2)
    return draw.file()


def muted_gives_the_widget_back() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource", mode=2)
    draw.node(2, "CaseNumbers", [5, 6, 0.5, False], widgets=("small",), small=(1, 2))
    return draw.file()


def bypassed() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, mode=4, image=(1, 0))
    draw.node(3, "CaseTint", TINT, mode=4, image=(2, 0))
    draw.node(4, "CaseKeep", images=(3, 0))
    return draw.file()


def bypassed_by_type() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseJoin", mode=4, one=(1, 0), two=(5, 0), mask=(1, 1))
    draw.node(3, "CaseTint", TINT, image=(2, 0), mask=(2, 1))
    draw.node(4, "CaseNumbers", mode=4)
    draw.node(5, "CaseSource")
    draw.node(6, "CaseShow", source=(2, 1))
    draw.node(7, "CaseText", ["a", "b"], widgets=("plain",), plain=(4, 0))
    return draw.file()


def bypassed_without_a_way() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "LoadImage", ["one.png", "image"], mode=4)
    draw.node(2, "CaseKeep", images=(1, 0))
    draw.node(3, "CaseTint", TINT, image=(1, 0), mask=(1, 1))
    return draw.file()


def bypassed_class_that_is_not_there() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    gone = draw.node(2, "ClassOfAnotherServer", mode=4, types={"picture": "IMAGE"}, picture=(1, 0))
    gone["outputs"][0]["type"] = "IMAGE"
    draw.node(3, "CaseKeep", images=(2, 0))
    draw.node(4, "AnotherSuchClass", mode=2)
    return draw.file()


def primitive() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [8, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "small"})
    draw.node(2, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(1, 0))
    return draw.file()


def primitive_for_two() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [55, "randomize"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "small"})
    draw.node(2, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(1, 0))
    draw.node(3, "CaseNumbers", [1, 6, 0.5, True], widgets=("even",), even=(1, 0))
    return draw.file()


def primitive_of_a_decimal() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [0.3333, "fixed"], outputs=1)
    source["outputs"][0].update(type="FLOAT", name="FLOAT", widget={"name": "amount"})
    draw.node(2, "CaseTint", TINT, widgets=("amount",), amount=(1, 0))
    source = draw.node(3, "PrimitiveNode", [0.3333, "fixed"], outputs=1)
    source["outputs"][0].update(type="FLOAT", name="FLOAT", widget={"name": "part"})
    draw.node(4, "CaseNumbers", [1, 6, 0.5, True], widgets=("part",), part=(3, 0))
    source = draw.node(5, "PrimitiveNode", [7.0, "fixed"], outputs=1)
    source["outputs"][0].update(type="FLOAT", name="FLOAT", widget={"name": "part"})
    draw.node(6, "CaseNumbers", [1, 6, 0.5, True], widgets=("part",), part=(5, 0))
    draw.node(7, "CaseTint", TINT, widgets=("amount",), amount=(5, 0))
    return draw.file()


def primitive_with_a_step() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [33, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "even"})
    draw.node(2, "CaseNumbers", [1, 6, 0.5, True], widgets=("even",), even=(1, 0))
    return draw.file()


def primitive_that_was_never_linked() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "PrimitiveNode", [], outputs=1)
    draw.node(2, "PrimitiveNode", outputs=1)
    draw.node(3, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(2, 0))
    return draw.file()


def primitive_of_an_old_choice() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", ["a", "fixed", ""], outputs=1)
    source["outputs"][0].update(type=["a", "b"], name="COMBO", widget={"name": "old"})
    draw.node(2, "CaseChoices", ["b", "p", "fixed", "", [], None], widgets=("old",), old=(1, 0))
    return draw.file()


def primitive_of_a_choice() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", ["a", "fixed", ""], outputs=1)
    source["outputs"][0].update(type="COMBO", name="COMBO", widget={"name": "old"})
    draw.node(2, "CaseChoices", ["b", "p", "fixed", "", [], None], widgets=("old",), old=(1, 0))
    return draw.file()


def primitive_through_a_reroute() -> dict[str, Any]:
    draw = Drawing()
    source = draw.node(1, "PrimitiveNode", [8, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "small"})
    draw.node(2, "Reroute", outputs=1, **{"": (1, 0)})
    draw.node(3, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(2, 0))
    return draw.file()


def converted_widgets() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", TINT, widgets=("note", "seed"), note=(1, 3), seed=(1, 2), image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.file()


def inputs_that_are_gone() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep", widgets=("old_widget",), older=(1, 1), old_widget=(1, 2), images=(1, 0))
    return draw.file()


def values_of_seeds_and_choices() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.125, BIG, "increment", "plain", "n"], image=None)
    draw.node(2, "CaseChoices", ["a", "q", "randomize", "/p/", ["x", "z"], None])
    draw.node(3, "CaseChoices")
    return draw.file()


def uploads() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "LoadImage", ["sub/mine.png [input]", "image"])
    draw.node(2, "LoadImage", ["two.png"])
    draw.node(3, "LoadImage")
    draw.node(4, "LoadImage", [None, "image"])
    return draw.file()


def values_by_name() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseNumbers", {"small": 1, "even": 8, "part": 0.75, "flag": False})
    return draw.file()


def too_few_values() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseNumbers", [9, 8])
    draw.node(2, "CaseNumbers", [])
    draw.node(3, "CaseNumbers", [1, 2, 0.5, True, "one too many"])
    return draw.file()


def values_of_other_types() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseText", [None, 5])
    draw.node(2, "CaseNumbers", ["12", None, 1, "yes"])
    draw.node(3, "CaseText", [["a", 1.0, None], {"a": 1}])
    draw.node(4, "CaseText", [True, 2.50])
    return draw.file()


def sockets_that_were_widgets() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseForced", [10, 20, 30, 40, "fifty"])
    draw.node(2, "CaseForced", [10, 30, "fifty"])
    draw.node(3, "CaseForced", [10, 30], socket=(1, 0), late=(1, 0))
    return draw.file()


def inputs_in_the_servers_order() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseOrder", [1, 2, 3, 4])
    return draw.file()


def any_types() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseAny", any=(1, 1), text=(1, 2))
    draw.node(3, "CaseAny", mode=4, any=(1, 0), text=(1, 3))
    draw.node(4, "CaseShow", source=(3, 0))
    return draw.file()


def prompts() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseText", ["a // comment\nb /* more\nof it */ c", "kept // {a|b} as it is"])
    draw.node(2, "CaseText", ["{only} {{same|same}|same} \\{not a choice\\} a\\b", ""])
    draw.node(3, "CaseText", ["end {open", "x"])
    return draw.file()


def file_names() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "a/b:c", ""], title="The tint", image=None)
    draw.node(
        2, "SaveImage", ["%The tint.style% %CaseTint.amount% %CaseTint.nothing% %width% %Nobody.x% 100%"], images=(1, 0)
    )
    draw.node(3, "CaseTint", [1.0, 8, "fixed", "soft", ""], properties={"Node name for S&R": "Mine"}, image=None)
    draw.node(4, "SaveImage", ["%Mine.seed%_%Mine.amount%"], images=(3, 0))
    return draw.file()


def wrapped_values() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseCurve", [{"points": [[0, 0], [0.5, 1]], "interpolation": "linear"}, "#00ff00"])
    draw.node(2, "CaseCurve", [None, None])
    draw.node(3, "CaseChoices", ["a", "p", "fixed", "", ["y"], [1, 2]])
    return draw.file()


def rival_links() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseSource")
    node = draw.node(3, "CaseKeep", images=(1, 0))
    node["inputs"][0]["link"] = draw.link(2, 0, 3, 0)
    draw.node(4, "CaseKeep", images=(1, 0))
    draw.link(2, 0, 4, 0)
    return draw.file()


def links_that_nobody_names() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep", images=None)
    draw.link(1, 0, 2, 0)
    return draw.file()
