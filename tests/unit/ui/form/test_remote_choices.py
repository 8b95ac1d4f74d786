"""Choices on a server: fetched from the server that the form is for, and never required."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.core.errors import BadInput
from app.core.model import ServerId
from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.ui.form.remote_choices import RemoteLists
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import StillSession, ended, fleet, server, task, window
from tests.kit.page.views import Seen, markup

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


class ListsRig(Rig):
    """A page with the form, whose lists are read when it is drawn."""

    def __init__(self, flow: OpenWorkflow, session: StillSession | None = None) -> None:
        super().__init__("own", workflows=(flow,), session=session)
        self.lists = RemoteLists(self.session, self.context)

    async def draw(self) -> Seen:
        self.lists.refresh(self.view.form.fields)
        await self.done()
        view = self.view
        self.lists.refresh(view.form.fields)
        assert not self.context.work
        return view

    @property
    def asked(self) -> list[tuple[Any, ...]]:
        return [call for call in self.session.calls if call[0] == "choices"]


async def test_list_of_results_has_the_names_that_the_server_expects() -> None:
    rig = ListsRig(opened())
    view = await rig.draw()
    assert rig.asked == [("choices", "gpu-1", ROUTE)]
    assert [item.options for item in view.lists] == [("new.png [output]", "old.png [output]")]
    control = element(markup(view, "form"), id="field-1-image-there")
    assert (control["role"], control["value"]) == (
        "combobox",
        "mine.png [output]",
    )  # not in the list, and stays


async def test_remote_choice_offers_names_and_accepts_any_text() -> None:
    rig = ListsRig(opened(is_upload=False))
    view = await rig.draw()
    assert [item.options for item in view.lists] == [("new.png", "old.png")]
    assert view.form.fields[0].fault is None
    assert view.run.blocker is None


async def test_busy_window_asks_its_server_before_and_after_the_work() -> None:
    rig = ListsRig(
        opened(), StillSession(fleet=fleet(server("gpu-1"), server("gpu-2")), window=window(task("a", "gpu-2")))
    )
    await rig.draw()
    await rig.draw()
    assert rig.asked == [("choices", "gpu-2", ROUTE)]
    rig.session.window = window(ended("a", server_id=ServerId("gpu-2")), task("b", "gpu-2"))
    await rig.draw()
    assert len(rig.asked) == 2


async def test_failed_list_is_shown_and_does_not_block_a_run() -> None:
    rig = ListsRig(opened(is_upload=False))
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
    rig = ListsRig(opened())
    rig.lists.refresh(())
    assert rig.context.work == []
