"""A server's colour: by its id, or as its operator says; never by its place in the list."""

from __future__ import annotations

import itertools
import re

from app.core.model import Fleet, ServerId
from app.ui.kit.colours import COLOURS, tag_of
from gateway.fleet.file_server import COLOURS as KNOWN_TO_THE_FLEET_FILE
from tests.unit.ui.page_kit import ROOT, fleet, server

NAMES = ["attic", "studio", "gpu-1", "gpu-2", "gpu-3", "left", "right", "shed"]


def tones(*names: str, **colours: str) -> dict[str, int]:
    known = fleet(*(server(name, colour=colours.get(name, "")) for name in names))
    return {name: tag_of(known, ServerId(name)).tone for name in names}


def test_the_order_of_the_list_plays_no_part_where_the_ids_want_different_colours() -> None:
    apart = [
        name for name in NAMES if tones(name)[name] not in {tones(other)[other] for other in NAMES if other != name}
    ]
    assert len(apart) >= 2
    wanted = {name: tones(name)[name] for name in apart}
    for order in itertools.permutations(apart):
        assert tones(*order) == wanted


def test_a_server_that_comes_last_recolours_nobody() -> None:
    for count in range(1, len(NAMES)):
        before, after = tones(*NAMES[:count]), tones(*NAMES[: count + 1])
        assert {name: after[name] for name in before} == before


def test_up_to_eight_servers_are_all_told_apart() -> None:
    assert sorted(tones(*NAMES).values()) == list(range(8))


def test_more_than_eight_share_colours_and_none_is_without_one() -> None:
    many = [f"node-{number}" for number in range(40)]
    assert set(tones(*many).values()) == set(range(8))


def test_the_operators_colour_counts_and_the_others_keep_off_it() -> None:
    named = tones("studio", "attic", attic="rose")
    assert COLOURS[named["attic"]] == "rose"
    everybody = tones(*NAMES, attic="slate", shed="teal")
    assert (everybody["attic"], everybody["shed"]) == (7, 0)
    assert len(set(everybody.values())) == 8


def test_a_colour_that_nobody_knows_is_none() -> None:
    assert tones("studio", studio="plaid") == tones("studio")


def test_a_server_that_the_fleet_has_lost_keeps_the_colour_that_its_id_wants() -> None:
    assert tag_of(Fleet(), ServerId("studio")).tone == tones("studio")["studio"]


def test_the_fleet_file_and_the_stylesheet_have_the_same_colours() -> None:
    css = (ROOT / "static/css/tones.css").read_text(encoding="utf-8")
    assert KNOWN_TO_THE_FLEET_FILE == COLOURS
    assert len(re.findall(r"^\.tone-\d", css, re.MULTILINE)) == len(COLOURS)
    example = (ROOT / "fleet.example.toml").read_text(encoding="utf-8")
    assert all(colour in example for colour in COLOURS)
