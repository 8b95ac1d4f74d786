"""Choices on a server: fetched from the server that the form is for, and never required."""

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
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import StillSession, ended, fleet, server, task, window
from tests.kit.page.views import Seen, markup
from tests.unit.ui.form.test_form import page

ROUTE = "/internal/files/output"


def opened(*, is_upload: bool = True) -> OpenWorkflow:
    """ComfyUI's own node of that kind, and one of a custom node."""
    options: dict[str, Any] = {"remote": {"route": ROUTE}}
    if is_upload:
        options |= {"image_upload": True, "image_folder": "output"}
    catalogue = Catalogue.parse({"Pick": {"input": {"required": {"image": ["COMBO", options]}}, "output": ["IMAGE"]}})
    graph = {"1": {"class_type": "Pick", "inputs": {"image": "mine.png [output]"}}}
    first = Layout(first=(("1", "image"),))
    return open_workflow(Published("own", "Own", "", False, parse_workflow(graph), first), catalogue)


class Rig:
    """A page with the form."""

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

    async def draw(self) -> Seen:
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


async def test_list_of_results_has_the_names_that_the_server_expects() -> None:
    rig = Rig(opened())
    view = await rig.draw()
    assert rig.asked == [("choices", "gpu-1", ROUTE)]
    assert [item.options for item in view.lists] == [("new.png [output]", "old.png [output]")]
    control = element(markup(view, "form"), id="field-1-image-there")
    assert (control["role"], control["value"]) == (
        "combobox",
        "mine.png [output]",
    )  # not in the list, and stays


async def test_remote_choice_offers_names_and_accepts_any_text() -> None:
    rig = Rig(opened(is_upload=False))
    view = await rig.draw()
    assert [item.options for item in view.lists] == [("new.png", "old.png")]
    assert view.form.fields[0].fault is None
    assert view.run.blocker is None


async def test_busy_window_asks_its_server_before_and_after_the_work() -> None:
    rig = Rig(opened(), StillSession(fleet=fleet(server("gpu-1"), server("gpu-2")), window=window(task("a", "gpu-2"))))
    await rig.draw()
    await rig.draw()
    assert rig.asked == [("choices", "gpu-2", ROUTE)]
    rig.session.window = window(ended("a", server_id=ServerId("gpu-2")), task("b", "gpu-2"))
    await rig.draw()
    assert len(rig.asked) == 2


async def test_failed_list_is_shown_and_does_not_block_a_run() -> None:
    rig = Rig(opened(is_upload=False))
    rig.session.refusal = BadInput("list-elsewhere", "/x")
    view = await rig.draw()
    message = element(markup(view, "form"), data_testid="list-trouble").text
    assert message.startswith("The choices are not known: the server lists them")
    assert view.run.blocker is None
    rig.session.refusal = None
    servers = rig.session.fleet.servers
    rig.session.fleet = replace(rig.session.fleet, servers=(replace(servers[0], catalogue="other"), servers[1]))
    assert not elements(markup(await rig.draw(), "form"), data_testid="list-trouble")


async def test_form_without_remote_choices_fetches_nothing() -> None:
    rig = Rig(opened())
    rig.lists.refresh(())
    assert rig.work == []
