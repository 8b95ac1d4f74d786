"""Nodes of classes that the server replaces are converted as the newer ones, as if they were replaced in the editor."""

from __future__ import annotations

import json

import pytest

from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from app.workflows.editor.problems import CannotConvert
from app.workflows.editor.write_back import rewritten
from app.workflows.replacements import read_replacements
from tests import recordings
from tests.editor.drawing import INSIDE, Drawing, key

INVERT = {
    "new_node_id": "ImageInvert",
    "input_mapping": [{"new_id": "image", "old_id": "picture"}],
    "output_mapping": [{"new_idx": 0, "old_idx": 1}],
}
SAVE = {
    "new_node_id": "SaveImage",
    "old_widget_ids": ["quality", "prefix"],
    "input_mapping": [{"new_id": "images", "old_id": "images"}, {"new_id": "filename_prefix", "old_id": "prefix"}],
    "output_mapping": None,
}
SCALE = {  # as 0.30.0 has it
    "new_node_id": "ResizeImageMaskNode",
    "old_widget_ids": ["upscale_method", "scale_by"],
    "input_mapping": [
        {"new_id": "input", "old_id": "image"},
        {"new_id": "resize_type", "set_value": "scale by multiplier"},
        {"new_id": "resize_type.multiplier", "old_id": "scale_by"},
        {"new_id": "scale_method", "old_id": "upscale_method"},
    ],
    "output_mapping": None,
}
BATCH = {
    "new_node_id": "BatchImagesNode",
    "old_widget_ids": None,
    "input_mapping": [{"new_id": "images.image0", "old_id": "image1"}, {"new_id": "images.image1", "old_id": "image2"}],
    "output_mapping": None,
}
RENAMED = {"new_node_id": "EmptyImage", "old_widget_ids": None, "input_mapping": None, "output_mapping": None}
RULES = {"OldInvert": INVERT, "OldSave": SAVE, "OldScale": SCALE, "OldBatch": BATCH, "OldEmpty": RENAMED}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    known = Catalogue.parse(recordings.catalogue(recordings.NEWEST))
    known.replacements = read_replacements(json.dumps({name: [rule] for name, rule in RULES.items()}))
    return known


def drawn() -> Drawing:
    draw = Drawing()
    draw.node(1, "OldEmpty", [96, 64, 1, 5], outputs=1)
    draw.nodes[0]["outputs"][0]["name"] = "IMAGE"
    draw.node(2, "OldInvert", picture=(1, 0), other=(1, 0), properties={"Node name for S&R": "OldInvert"})
    draw.node(9, "OldSave", [90, "cap"], title="Mine", images=(2, 1))
    return draw


@pytest.mark.parametrize("is_new", [False, True])
def test_replaced_nodes_are_sent_as_the_new_ones(catalogue: Catalogue, is_new: bool) -> None:
    file = drawn().file(is_new=is_new)
    before = json.dumps(file)
    found = Converter(catalogue).convert(file)
    assert found.is_replaced and json.dumps(file) == before
    assert {key: (node["class_type"], node["inputs"]) for key, node in found.output.items()} == {
        "1": ("EmptyImage", {"width": 96, "height": 64, "batch_size": 1, "color": 5}),
        "2": ("ImageInvert", {"image": ["1", 0]}),
        "9": ("SaveImage", {"images": ["2", 0], "filename_prefix": "cap"}),
    }
    assert found.output["9"]["_meta"]["title"] == "Mine"
    assert found.source["nodes"][1]["properties"] == {"Node name for S&R": "ImageInvert"}


def test_replaced_file_can_be_written_and_converted_again(catalogue: Catalogue) -> None:
    converter = Converter(catalogue)
    first = converter.convert(drawn().file())
    written = rewritten(converter, first, {("9", "filename_prefix"): "other"})
    assert written.output["9"]["inputs"]["filename_prefix"] == "other" and not written.is_replaced
    sockets = [(node["id"], item["link"]) for node in written.source["nodes"] for item in node["inputs"]]
    ends = {(link[3], link[0]) for link in written.source["links"]}
    assert ends == {item for item in sockets if item[1] is not None}, "the dropped link is gone on both sides"


def test_inputs_of_a_dynamic_input_move_too(catalogue: Catalogue) -> None:
    draw = Drawing()
    draw.node(1, "EmptyImage", [96, 64, 1, 5])
    draw.node(2, "OldScale", ["lanczos", 2.5], image=(1, 0))
    draw.node(3, "OldBatch", image1=(1, 0), image2=(2, 0))
    draw.node(9, "SaveImage", ["x"], images=(3, 0))
    found = Converter(catalogue).convert(draw.file()).output
    assert found["2"]["inputs"] == {
        "input": ["1", 0],
        "resize_type": "scale by multiplier",
        "resize_type.multiplier": 2.5,
        "scale_method": "lanczos",
    }
    assert found["3"]["inputs"] == {"images.image0": ["1", 0], "images.image1": ["2", 0]}


def test_node_inside_a_subgraph_is_replaced(catalogue: Catalogue) -> None:
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(5, "OldInvert", picture=(INSIDE, inner.port("picture", "IMAGE")))
    inner.leave("IMAGE", "IMAGE", 5, 1)
    draw = Drawing()
    draw.node(1, "EmptyImage", [96, 64, 1, 5])
    draw.node(2, key(1), [], picture=(1, 0))
    draw.node(9, "SaveImage", ["x"], images=(2, 0))
    found = Converter(catalogue).convert(draw.hold(inner).file()).output
    assert (found["2:5"]["class_type"], found["2:5"]["inputs"]) == ("ImageInvert", {"image": ["1", 0]})
    assert found["9"]["inputs"]["images"] == ["2:5", 0]


def test_class_that_the_server_has_is_not_replaced(catalogue: Catalogue) -> None:
    known = Catalogue({**catalogue.entries, "OldInvert": catalogue.entries["ImageInvert"]})
    known.replacements = {"OldInvert": catalogue.replacements["OldInvert"]}
    draw = Drawing()
    draw.node(2, "OldInvert")
    found = Converter(known).convert(draw.file())
    assert not found.is_replaced and found.output["2"]["class_type"] == "OldInvert"


def test_replacement_that_the_server_lacks_too_is_refused(catalogue: Catalogue) -> None:
    known = Catalogue({name: entry for name, entry in catalogue.entries.items() if name != "ImageInvert"})
    known.replacements = catalogue.replacements
    with pytest.raises(CannotConvert) as caught:
        Converter(known).convert(drawn().file())
    assert [problem.class_type for problem in caught.value.problems] == ["OldInvert"]
