"""The other windows of a session: their work is listed with the own one's, and the tab's title counts it."""

from __future__ import annotations

from app.core.model import ClientId, ServerId, Task, WindowId
from app.core.window import Window
from app.ui.fleet.panel import fleet_view
from app.ui.page.tab_title import TabKind, ended_ids, read_sign
from app.ui.windows.panel import NOTHING_READ
from tests.kit.page.stills import ME, StillSession, ended, fleet, server, task, window
from tests.kit.page.trouble import page
from tests.kit.page.views import markup


def mate(number: int, *tasks: Task) -> Window:
    """Another window of the session."""
    return Window(WindowId(f"{ME}+{number}"), ClientId(f"c-{number}"), tasks={item.prompt_id: item for item in tasks})


def tab(*own: Task, mates: tuple[Window, ...]) -> StillSession:
    return StillSession(
        window=window(*own), others=mates, fleet=fleet(server("gpu-1"), server("gpu-2"), server("gpu-3"))
    )  # fmt: skip


def test_work_of_other_windows_is_listed_with_its_servers() -> None:
    session = tab(
        task("a", "gpu-1"),
        mates=(mate(1, task("b", "gpu-2", created_at=5.0)), mate(2, ended("c", server_name="gpu-3"))),
    )
    view = page(session)
    assert [card.tag.name for card in view.now.cards] == ["gpu-2", "gpu-1"]
    assert [card.tag.name for card in view.results.cards] == ["gpu-3"]
    panel = fleet_view(session, NOTHING_READ, "")
    assert [(row.mine, row.is_mooring) for row in panel.servers] == [(1, True), (1, True), (0, False)]
    assert view.run.cancels == task("a").prompt_id, "the newest task"


def test_header_names_every_server_in_use() -> None:
    session = tab(task("a", "gpu-1"), mates=(mate(1, task("b", "gpu-2")),))
    view = page(session).header
    assert (view.running, [tag.name for tag in view.others]) == (2, ["gpu-2"])
    assert "2 servers" in markup(page(session), "header") and "gpu-1, gpu-2" in markup(page(session), "header")
    alone = tab(mates=(mate(1, task("b", "gpu-2")),))
    assert "gpu-2" in markup(page(alone), "header") and "Idle" not in markup(page(alone), "header")


def test_tab_title_counts_the_work_of_all_windows() -> None:
    sign = read_sign(tab(mates=(mate(1, task("b", "gpu-2")),)), frozenset())
    assert sign.kind is TabKind.RUNNING and sign.tag is not None and sign.tag.server_id == ServerId("gpu-2")
    done = tab(mates=(mate(1, ended("b", server_name="gpu-2")),))
    assert ended_ids(done) == {task("b").prompt_id}
    assert read_sign(done, frozenset()).kind is TabKind.DONE
