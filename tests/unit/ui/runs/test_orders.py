"""What a click on Run sends: one file of the editor goes to every node that uses it."""

from __future__ import annotations

import json

from app.session import Picked
from app.ui.form.open_workflow import Given, open_given
from app.ui.form.state import Draft, Picture
from app.ui.runs.orders import files_of, order_of
from app.workflows.catalogue import Catalogue
from app.workflows.editor.copy import filled
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing, key
from tests.unit.ui.page_kit import Bytes


def test_file_in_a_repeated_subgraph_is_sent_to_each_node() -> None:
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(10, "LoadImage", ["one.png", "image"], outputs=2)
    inner.leave("IMAGE", "IMAGE", 10, 0)
    draw = Drawing()
    for host in (2, 3):
        draw.node(host, key(1), outputs=1)
        draw.node(host + 2, "SaveImage", ["x"], outputs=0, images=(host, 0))
    chosen = open_given(Given("w", "Twice", graph=json.dumps(draw.hold(inner).file())), Catalogue.parse(CLASSES))
    assert chosen is not None and len(chosen.uploads) == 1
    picked = Picked(Bytes(b"picture", "image/png"), "mine.png")
    draft = Draft().with_picture(chosen.uploads[0].key, Picture(picked, "blob:1", 4, 4))
    assert files_of(chosen, draft) == {("2:10", "image"): picked, ("3:10", "image"): picked}
    order = order_of(chosen, draft, now=(2026, 1, 2, 3, 4, 5), choose=lambda _: 0)
    sent = order.workflow.with_values(dict.fromkeys(files_of(chosen, draft), "mooring/ab.png"))
    graph = filled(order.editor, sent)
    assert graph["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["mooring/ab.png", "image"]
