"""The person's papers: each is there for all windows, under its kind and name, until it is deleted."""

from __future__ import annotations

from tests.ports.desk import Desk


async def check_a_paper_is_there_for_every_window(desk: Desk) -> None:
    await desk.papers().write_papers({("workflow", "a/1"): "沙丘 \u2028 {}", ("preset", "a/1"): ""})
    assert await desk.papers().read_paper("workflow", "a/1") == "沙丘 \u2028 {}"
    assert await desk.papers().read_paper("preset", "a/1") == ""
    assert await desk.papers().read_paper("workflow", "a") is None


async def check_papers_are_read_by_kind(desk: Desk) -> None:
    papers = desk.papers()
    await papers.write_papers(
        {("work", "x"): "1", ("workflow", "b"): "2", ("workflow", "a"): "3", ("workflows", ""): "4"}
    )
    assert dict(await papers.read_kind("workflow")) == {"a": "3", "b": "2"}
    assert dict(await papers.read_kind("workflows")) == {"": "4"}
    assert dict(await papers.read_kind("none")) == {}


async def check_papers_are_changed_and_deleted_in_one_go(desk: Desk) -> None:
    papers = desk.papers()
    await papers.write_papers({("w", "a"): "1", ("w", "b"): "1"})
    await papers.write_papers({("w", "a"): "2", ("w", "b"): None, ("w", "never"): None})
    assert dict(await desk.papers().read_kind("w")) == {"a": "2"}
