"""The chosen form is built from the catalogue of the server that it would be sent to, if that is known."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.model import Server, ServerId
from app.ui.form.catalogues import FormCatalogues
from app.workflows.catalogue import Catalogue
from app.workflows.forms.kinds import Text, Unknown
from tests.kit.page.rig import Rig
from tests.kit.page.stills import StillSession, fleet, server, task, window
from wire.health import Health

PREFIX = ("4", "filename_prefix")


def catalogue(default: str = "") -> Catalogue:
    spec = ["STRING", {"default": default, "multiline": bool(default)}]
    return Catalogue.parse({"SaveImage": {"input": {"required": {"filename_prefix": spec}}}})


class CataloguesRig(Rig):
    """Servers with catalogues, and a page that is drawn by `draw`."""

    def __init__(self, *servers: Server, workflow_id: str = "enlarge", **session: Any) -> None:
        super().__init__(workflow_id, session=StillSession(fleet=fleet(*servers), **session))
        self.catalogues = FormCatalogues(self.session, self.context)

    async def draw(self) -> list[str]:
        """Return the servers that were asked."""
        self.session.calls.clear()
        self.catalogues.refresh()
        await self.done()
        return [call[1] for call in self.session.calls]

    @property
    def kind(self) -> object:
        return self.context.workflows[0].form.by_key[PREFIX].kind


GPU_1, GPU_2 = ServerId("gpu-1"), ServerId("gpu-2")
BOTH = {GPU_1: catalogue(), GPU_2: catalogue("x")}


async def test_form_is_rebuilt_only_for_a_changed_catalogue() -> None:
    rig = CataloguesRig(server("gpu-1", catalogue="a"), catalogues=BOTH)
    assert isinstance(rig.kind, Unknown)
    assert await rig.draw() == ["gpu-1"]
    assert rig.kind == Text()
    assert await rig.draw() == []
    rig.session.fleet = fleet(server("gpu-1", catalogue="a", files="new"))
    assert await rig.draw() == ["gpu-1"]


async def test_form_of_a_busy_window_is_from_its_server() -> None:
    servers = (server("gpu-1", catalogue="a"), server("gpu-2", catalogue="b"))
    rig = CataloguesRig(*servers, catalogues=BOTH, window=window(task("a", "gpu-2")))
    assert await rig.draw() == ["gpu-2"]
    assert rig.kind == Text(is_multiline=True)
    rig.session.window = window()
    assert await rig.draw() == ["gpu-1", "gpu-2"]  # neither has all its nodes
    assert rig.kind == Text()


async def test_form_of_a_busy_window_never_is_from_another_server() -> None:
    rig = CataloguesRig(
        server("gpu-1", catalogue="a"), server("gpu-2"), catalogues=BOTH, window=window(task("a", "gpu-2"))
    )
    assert await rig.draw() == []


@pytest.mark.parametrize("broken", [{"health": Health.DOWN}, {"catalogue": ""}])
async def test_unhealthy_or_unknown_server_is_not_asked(broken: dict[str, Any]) -> None:
    rig = CataloguesRig(
        server("gpu-1", **{"catalogue": "a", **broken}), server("gpu-2", catalogue="b"), catalogues=BOTH
    )
    assert await rig.draw() == ["gpu-2"]


async def test_demo_workflow_asks_a_demo_server() -> None:
    rig = CataloguesRig(server("gpu-1", catalogue="a"), server("d", catalogue="b", is_demo=True), workflow_id="text")
    assert await rig.draw() == ["d"]


async def test_unreadable_catalogue_does_not_change_the_form() -> None:
    rig = CataloguesRig(server("gpu-1", catalogue="a"))
    assert await rig.draw() == ["gpu-1"]
    assert isinstance(rig.kind, Unknown)


async def test_late_catalogue_is_not_used() -> None:
    rig = CataloguesRig(server("gpu-1", catalogue="a"), catalogues=BOTH)
    rig.catalogues.refresh()
    rig.session.fleet = fleet(server("gpu-2", catalogue="b"))
    assert await rig.draw() == ["gpu-2", "gpu-2"]
    assert rig.kind == Text(is_multiline=True)
