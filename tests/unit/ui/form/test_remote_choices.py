"""Choices that lie on a server: fetched from the one that the form is for, and never in the way."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from app.core.errors import BadInput
from app.core.model import ServerId
from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.ui.form.remote_choices import RemoteLists
from app.ui.form.state import FormState
from app.ui.kit.state import UiState
from app.ui.page.state import PageView
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from tests.unit.ui.form.test_form import markup, page, tag_of
from tests.unit.ui.page_kit import StillSession, ended, fleet, server, task, window

ROUTE = "/internal/files/output"


def opened(*, is_upload: bool = True) -> OpenWorkflow:
    """ComfyUI's own node of that kind, and what others make of it."""
    told: dict[str, Any] = {"remote": {"route": ROUTE}}
    if is_upload:
        told |= {"image_upload": True, "image_folder": "output"}
    catalogue = Catalogue.parse({"Pick": {"input": {"required": {"image": ["COMBO", told]}}, "output": ["IMAGE"]}})
    graph = {"1": {"class_type": "Pick", "inputs": {"image": "mine.png [output]"}}}
    first = Layout(first=(("1", "image"),))
    return open_workflow(Published("own", "Own", "", False, parse_workflow(graph), first), catalogue)


class Rig:
    """A page with that form."""

    def __init__(self, flow: OpenWorkflow, session: StillSession | None = None) -> None:
        self.session = session or StillSession(fleet=fleet(server("gpu-1"), server("gpu-2")))
        self.flow = flow
        self.ui = UiState().with_slices(FormState(workflow_id="own"))
        self.work: list[Coroutine[Any, Any, None]] = []
        self.lists = RemoteLists(self.session, self)

    def set_ui(self, ui: UiState) -> None:
        self.ui = ui

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(work)

    async def draw(self) -> PageView:
        self.lists.refresh(page(self.flow, self.ui).form.fields)
        while self.work:
            await self.work.pop(0)
        view = page(self.flow, self.ui)
        self.lists.refresh(view.form.fields)
        assert not self.work
        return view

    @property
    def asked(self) -> list[tuple[Any, ...]]:
        return [call for call in self.session.calls if call[0] == "choices"]


async def test_a_picker_of_results_offers_what_the_server_has_as_the_server_wants_it() -> None:
    rig = Rig(opened())
    view = await rig.draw()
    assert rig.asked == [("choices", "gpu-1", ROUTE)]
    assert [item.options for item in view.lists] == [("new.png [output]", "old.png [output]")]
    _, facts = tag_of(markup(view, "form"), "field-1-image-there")
    assert (facts["role"], facts["value"]) == ("combobox", "mine.png [output]")  # what is not in the list stays


async def test_a_plain_choice_offers_the_names_themselves_and_any_text_is_taken() -> None:
    rig = Rig(opened(is_upload=False))
    view = await rig.draw()
    assert [item.options for item in view.lists] == [("new.png", "old.png")]
    assert view.form.fields[0].fault is None
    assert view.run.blocker is None


async def test_a_moored_window_asks_its_own_server_and_again_once_its_work_has_ended() -> None:
    rig = Rig(opened(), StillSession(fleet=fleet(server("gpu-1"), server("gpu-2")), window=window(task("a", "gpu-2"))))
    await rig.draw()
    await rig.draw()
    assert rig.asked == [("choices", "gpu-2", ROUTE)]
    rig.session.window = window(ended("a", server_id=ServerId("gpu-2")), task("b", "gpu-2"))
    await rig.draw()
    assert len(rig.asked) == 2


async def test_what_cannot_be_fetched_is_told_and_keeps_nobody_from_running() -> None:
    rig = Rig(opened(is_upload=False))
    rig.session.refusal = BadInput("list-elsewhere", "/x")
    view = await rig.draw()
    assert "The choices are not known: the server lists them" in markup(view, "form")
    assert view.run.blocker is None
    rig.session.refusal = None
    servers = rig.session.fleet.servers
    rig.session.fleet = replace(rig.session.fleet, servers=(replace(servers[0], catalogue="other"), servers[1]))
    assert "not known" not in markup(await rig.draw(), "form")


async def test_a_form_without_such_a_field_asks_for_nothing() -> None:
    rig = Rig(opened())
    rig.lists.refresh(())
    assert rig.work == []
