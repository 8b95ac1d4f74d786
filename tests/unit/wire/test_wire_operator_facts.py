"""What its operator says of a server, in lists of servers."""

from __future__ import annotations

import pytest

from app.core.model import Server as PageServer
from app.core.model import ServerId
from gateway.http.servers import Server
from gateway.http.servers import ServerId as GatewayServerId
from wire.operator_facts import OperatorFacts, operator_facts_json, read_operator_facts

SERVER = Server(
    GatewayServerId("a"), "Studio", "http://10.0.0.1:8188", is_drained=True, colour="teal", weight=2.5, tags=("24 GB",)
)


def test_page_reads_what_the_gateway_writes() -> None:
    read = PageServer(
        server_id=ServerId("a"), address="", base="", **read_operator_facts({"id": "a", **operator_facts_json(SERVER)})
    )
    for name in (name for name in dir(OperatorFacts) if not name.startswith("_")):
        assert getattr(read, name) == getattr(SERVER, name)


def test_every_fact_is_written_and_read() -> None:
    names = {name for name in dir(OperatorFacts) if not name.startswith("_")}
    assert set(read_operator_facts({"id": "a"})) == names and len(operator_facts_json(SERVER)) == len(names)


@pytest.mark.parametrize("weight", [None, 0, -1, "2", []])
def test_weight_that_is_none_counts_as_one(weight: object) -> None:
    assert read_operator_facts({"id": "a", "weight": weight})["weight"] == 1.0


def test_server_without_a_name_has_its_id() -> None:
    assert read_operator_facts({"id": "a", "name": ""})["name"] == "a"
