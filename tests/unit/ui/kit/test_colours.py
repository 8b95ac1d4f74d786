"""A server's colour: from its id or the fleet file, never from its place in the list."""

from __future__ import annotations

import itertools
import re

from app.core.model import Fleet, ServerId
from app.ui.kit.colours import COLOURS, tag_of
from gateway.fleet.file_server import COLOURS as KNOWN_TO_THE_FLEET_FILE
from tests.kit.page.stills import ROOT, fleet, server

NAMES = ["attic", "studio", "gpu-1", "gpu-2", "gpu-3", "left", "right", "shed"]


def tones(*names: str, **colours: str) -> dict[str, int]:
    known = fleet(*(server(name, colour=colours.get(name, "")) for name in names))
    return {name: tag_of(known, ServerId(name)).tone for name in names}


def test_order_does_not_matter_if_ids_want_different_colours() -> None:
    apart = [
        name for name in NAMES if tones(name)[name] not in {tones(other)[other] for other in NAMES if other != name}
    ]
    assert len(apart) >= 2
    wanted = {name: tones(name)[name] for name in apart}
    for order in itertools.permutations(apart):
        assert tones(*order) == wanted


def test_server_at_the_end_recolours_no_other() -> None:
    for count in range(1, len(NAMES)):
        before, after = tones(*NAMES[:count]), tones(*NAMES[: count + 1])
        assert {name: after[name] for name in before} == before


def test_eight_servers_have_eight_colours() -> None:
    assert sorted(tones(*NAMES).values()) == list(range(8))


def test_more_than_eight_share_colours_and_none_is_without_one() -> None:
    many = [f"node-{number}" for number in range(40)]
    assert set(tones(*many).values()) == set(range(8))


def test_the_operators_colour_counts_and_the_others_keep_off_it() -> None:
    named = tones("studio", "attic", attic="rose")
    assert COLOURS[named["attic"]] == "rose"
    colours = tones(*NAMES, attic="slate", shed="teal")
    assert (colours["attic"], colours["shed"]) == (7, 0)
    assert len(set(colours.values())) == 8


def test_unknown_colour_is_ignored() -> None:
    assert tones("studio", studio="plaid") == tones("studio")


def test_removed_server_keeps_the_colour_of_its_id() -> None:
    assert tag_of(Fleet(), ServerId("studio")).tone == tones("studio")["studio"]


def test_the_fleet_file_and_the_stylesheet_have_the_same_colours() -> None:
    css = (ROOT / "static/css/tones.css").read_text(encoding="utf-8")
    assert KNOWN_TO_THE_FLEET_FILE == COLOURS
    assert len(re.findall(r"^\.tone-\d", css, re.MULTILINE)) == len(COLOURS)
    example = (ROOT / "fleet.example.toml").read_text(encoding="utf-8")
    assert all(colour in example for colour in COLOURS)
