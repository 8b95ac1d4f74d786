"""The forms of ComfyUI's own templates whose nodes the recorded catalogue knows."""

from __future__ import annotations

from app.workflows.catalogue import Catalogue
from benchmarks.templates import Templates
from tests import recordings

FEWEST = 220  # of 644, without those of partners' nodes


def test_forms_of_all_templates_are_as_their_authors_meant_them() -> None:
    known = Templates(Catalogue.parse(recordings.catalogue_text(recordings.NEWEST)))
    found = known.figures()
    assert found["forms"] >= FEWEST
    assert known.refused == {}
    assert found["with one label twice"] == 0
    assert found["app inputs on top"] == found["app inputs known"] > 10
    assert found["promoted with label"] == found["promoted"] > 500
    assert found["promoted on top"] > 0.85 * found["promoted"]
