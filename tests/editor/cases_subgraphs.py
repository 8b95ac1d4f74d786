"""Cases of subgraphs: values shown outside, subgraphs in each other, ids that collide, what older files say."""

from __future__ import annotations

from typing import Any

from tests.editor.drawing import INSIDE, Drawing, key

TINT = [0.5, 7, "fixed", "soft", ""]


def _tint(number: int = 1, *, node_id: int = 10, first_link: int = 100) -> Drawing:
    """A subgraph with a picture and three of the widgets inside as its inputs."""
    inner = Drawing(key(number), "Tint it", first_link=first_link)
    image, amount = inner.port("image", "IMAGE"), inner.port("amount", "FLOAT")
    seed, style = inner.port("seed", "INT"), inner.port("style", "COMBO")
    inner.node(
        node_id,
        "CaseTint",
        [0.75, 5, "randomize", "hard", "inside"],
        widgets=("amount", "seed", "style"),
        image=(INSIDE, image),
        amount=(INSIDE, amount),
        seed=(INSIDE, seed),
        style=(INSIDE, style),
    )
    inner.leave("IMAGE", "IMAGE", node_id, 0)
    return inner


def _around(inner: Drawing, values: Any, **more: Any) -> Drawing:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, inner.key, values, image=(1, 0), **more)
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(inner)


def values_shown_outside() -> dict[str, Any]:
    return _around(_tint(), [0.1, 11, "plain"]).file()


def values_from_inside() -> dict[str, Any]:
    return _around(_tint(), []).file()


def some_values_outside() -> dict[str, Any]:
    return _around(_tint(), [0.1]).file()


def linked_from_outside() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), [0.1, 11, "plain"], widgets=("seed",), image=(1, 0), seed=(1, 2))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(_tint()).file()


def fed_by_a_primitive() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    source = draw.node(4, "PrimitiveNode", [66, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "seed"})
    draw.node(2, key(1), [0.1, 11, "plain"], widgets=("seed",), image=(1, 0), seed=(4, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(_tint()).file()


def primitive_inside() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    source = inner.node(10, "PrimitiveNode", [9, "fixed"], outputs=1)
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "small"})
    inner.node(11, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(10, 0))
    inner.leave("INT", "INT", 11, 0)
    draw = Drawing()
    draw.node(1, key(1))
    draw.node(2, "CaseShow", source=(1, 0))
    return draw.hold(inner).file()


def muted_subgraph() -> dict[str, Any]:
    return _around(_tint(), [0.1, 11, "plain"], mode=2).file()


def bypassed_subgraph() -> dict[str, Any]:
    return _around(_tint(), [0.1, 11, "plain"], mode=4).file()


def used_twice() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), [0.1, 11, "plain"], image=(1, 0))
    draw.node(3, key(1), [0.2, 12, "soft"], image=(2, 0))
    draw.node(4, "CaseKeep", images=(3, 0))
    return draw.hold(_tint()).file()


def subgraph_in_a_subgraph() -> dict[str, Any]:
    middle = Drawing(key(2), "Twice", first_link=200)
    image, seed, first = middle.port("image", "IMAGE"), middle.port("both", "INT"), middle.port("first mode", "COMBO")
    middle.node(
        20,
        key(1),
        [0.1, 1, "plain"],
        widgets=("seed", "style"),
        image=(INSIDE, image),
        seed=(INSIDE, seed),
        style=(INSIDE, first),
    )
    middle.node(21, key(1), [0.2, 2, "soft"], widgets=("seed",), image=(20, 0), seed=(INSIDE, seed))
    middle.leave("IMAGE", "IMAGE", 21, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(2), [33, "hard"], image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(middle, _tint()).file()


def definitions_in_definitions() -> dict[str, Any]:
    middle = Drawing(key(2), "Around", first_link=200)
    image = middle.port("image", "IMAGE")
    middle.node(20, key(1), [0.1, 1, "plain"], image=(INSIDE, image))
    middle.leave("IMAGE", "IMAGE", 20, 0)
    middle.hold(_tint())
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(2), [], image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(middle).file()


def ids_that_collide() -> dict[str, Any]:
    return _around(_tint(node_id=1, first_link=1), [0.1, 11, "plain"]).file()


def ids_that_collide_twice() -> dict[str, Any]:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), [0.1, 11, "plain"], image=(1, 0))
    draw.node(30, key(2), [0.2, 12, "soft"], image=(2, 0))
    draw.node(4, "CaseKeep", images=(30, 0))
    return draw.hold(_tint(1, node_id=10), _tint(2, node_id=10)).file()


def older_shown_widgets() -> dict[str, Any]:
    inner = Drawing(key(1), "Older", first_link=100)
    image = inner.port("image", "IMAGE")
    inner.node(10, "CaseTint", [0.75, 5, "randomize", "hard", "inside"], image=(INSIDE, image))
    inner.leave("IMAGE", "IMAGE", 10, 0)
    proxies = [["10", "seed"], ["10", "style"], ["10", "control_after_generate"], ["10", "$$preview"], ["99", "gone"]]
    return _around(inner, [], properties={"proxyWidgets": proxies}).file()


def older_shown_widgets_with_values() -> dict[str, Any]:
    inner = Drawing(key(1), "Older", first_link=100)
    image, amount = inner.port("image", "IMAGE"), inner.port("amount", "FLOAT")
    inner.node(
        10,
        "CaseTint",
        [0.75, 5, "randomize", "hard", "inside"],
        widgets=("amount",),
        image=(INSIDE, image),
        amount=(INSIDE, amount),
    )
    inner.leave("IMAGE", "IMAGE", 10, 0)
    proxies = [["10", "style"], ["-1", "amount"], ["10", "10: seed"]]
    return _around(inner, ["soft", 0.3, 44], properties={"proxyWidgets": proxies}).file()


def older_shown_widgets_of_two() -> dict[str, Any]:
    inner = Drawing(key(1), "Older", first_link=100)
    image = inner.port("image", "IMAGE")
    inner.node(10, "CaseTint", [0.75, 5, "randomize", "hard", "inside"], image=(INSIDE, image))
    inner.leave("IMAGE", "IMAGE", 10, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(1), [44], image=(1, 0), properties={"proxyWidgets": [["10", "seed"]]})
    draw.node(3, key(1), [0.9], image=(2, 0), properties={"proxyWidgets": [["10", "amount"]]})
    draw.node(4, "CaseKeep", images=(3, 0))
    return draw.hold(inner).file()


def older_shown_primitive() -> dict[str, Any]:
    inner = Drawing(key(1), "Older", first_link=100)
    source = inner.node(10, "PrimitiveNode", [9, "fixed"], outputs=1, title="Both")
    source["outputs"][0].update(type="INT", name="INT", widget={"name": "small"})
    inner.node(11, "CaseNumbers", [1, 6, 0.5, True], widgets=("small",), small=(10, 0))
    inner.node(12, "CaseNumbers", [2, 6, 0.5, True], widgets=("small",), small=(10, 0))
    inner.leave("INT", "INT", 11, 0)
    draw = Drawing()
    draw.node(1, key(1), [4], properties={"proxyWidgets": [["10", "value"]]})
    draw.node(2, "CaseShow", source=(1, 0))
    return draw.hold(inner).file()


def older_shown_primitives_without_values() -> dict[str, Any]:
    """As in `templates_graphic_design_recomposer`, where the editor 1.48.7 sends the value of another widget."""
    inner = Drawing(key(1), "Older", first_link=100)
    for node_id, name in ((10, "even"), (13, "small")):
        source = inner.node(node_id, "PrimitiveNode", [8, "fixed"], outputs=1)
        source["outputs"][0].update(type="INT", name="INT", widget={"name": name})
    inner.node(11, "CaseNumbers", [1, 6, 0.5, True], widgets=("small", "even"), small=(13, 0), even=(10, 0))
    inner.node(12, "CaseNumbers", [2, 10, 0.5, True], widgets=("small", "even"), small=(13, 0), even=(10, 0))
    inner.leave("INT", "INT", 11, 0)
    inner.leave("INT", "INT", 12, 0)
    draw = Drawing()
    draw.node(1, key(1), [], properties={"proxyWidgets": [["10", "value"], ["13", "value"]]})
    draw.node(2, "CaseShow", source=(1, 0))
    draw.node(3, "CaseShow", source=(1, 1))
    return draw.hold(inner).file()


def values_kept_aside() -> dict[str, Any]:
    aside = [{"originalEntry": ["-1", "seed"], "reason": "missingSourceNode", "hostValue": 55, "attemptedAtVersion": 1}]
    return _around(_tint(), [0.1, 11, "plain"], properties={"proxyWidgetErrorQuarantine": aside}).file()


def a_prompt_shown_outside_is_sent_as_it_is() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    text = inner.port("text", "STRING")
    inner.node(10, "CaseText", ["inside", "p"], widgets=("text",), text=(INSIDE, text))
    inner.leave("STRING", "STRING", 10, 0)
    draw = Drawing()
    draw.node(1, key(1), ["{a} // kept"])
    draw.node(2, "CaseShow", source=(1, 0))
    return draw.hold(inner).file()


def muted_and_bypassed_inside() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    image = inner.port("image", "IMAGE")
    inner.node(10, "CaseTint", TINT, mode=4, image=(INSIDE, image))
    inner.node(11, "CaseTint", TINT, mode=2, image=(10, 0))
    inner.node(12, "CaseJoin", one=(10, 0), two=(11, 0))
    inner.leave("IMAGE", "IMAGE", 12, 0)
    return _around(inner, []).file()


def reroute_inside() -> dict[str, Any]:
    inner = Drawing(key(1), first_link=100)
    image = inner.port("image", "IMAGE")
    inner.node(10, "Reroute", outputs=1, **{"": (INSIDE, image)})
    inner.node(11, "CaseTint", TINT, image=(10, 0))
    inner.node(12, "Reroute", outputs=1, **{"": (11, 0)})
    inner.leave("IMAGE", "IMAGE", 12, 0)
    return _around(inner, []).file()


def nested_and_muted() -> dict[str, Any]:
    middle = Drawing(key(2), "Around", first_link=200)
    image = middle.port("image", "IMAGE")
    middle.node(20, key(1), [0.1, 1, "plain"], mode=2, image=(INSIDE, image))
    middle.node(21, "CaseTint", TINT, image=(INSIDE, image))
    middle.leave("IMAGE", "IMAGE", 21, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, key(2), [], image=(1, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    return draw.hold(middle, _tint()).file()


def outputs_that_nothing_leads_to() -> dict[str, Any]:
    inner = _tint()
    inner.exits.append({"id": "00000000-0000-4000-8000-0000000000ee", "name": "MASK", "type": "MASK", "linkIds": []})
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, inner.key, [], image=(1, 0))
    draw.node(3, "CaseTint", TINT, image=(2, 0), mask=(2, 1))
    return draw.hold(inner).file()
