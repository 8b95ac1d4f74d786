"""Mutants with a name: each breaks one promise in a few words of source, and names the test that must notice.

The suite runs each against its one test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STORIES = "tests/unit/session"


@dataclass(frozen=True)
class Named:
    """A change of one file, `changes` being (before, after) texts that each occur there once."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    caught_by: str

    def apply(self, root: Path) -> None:
        """Change the file below `root`. ValueError if its text has moved on: then this mutant must follow."""
        path = root / self.file
        text = path.read_text("utf-8")
        for before, after in self.changes:
            if text.count(before) != 1:
                raise ValueError(f"{self.name}: {self.file} has {text.count(before)} times {before!r}")
            text = text.replace(before, after)
        path.write_text(text, "utf-8")


NAMED = (
    Named(
        "no write-ahead",
        "app/session/submitting/reservations.py",
        (
            (
                "        if wanted is None:\n            await state.ports.store.register(task)\n",
                "        if wanted is None:\n            pass\n",
            ),
        ),
        f"{STORIES}/test_written_first.py::test_the_record_is_durable_before_the_post",
    ),
    Named(
        "press not noted in the tab",
        "app/session/waiting/clicks.py",
        (("        return bool(entries) and self._tab.note(\n", "        return False and self._tab.note(\n"),),
        f"{STORIES}/test_presses.py::test_press_runs_once_after_a_reload_at_each_step",
    ),
    Named(
        "press not recorded",
        "app/session/waiting/clicks.py",
        (("            await self._keeper.change(step, files)\n", "            pass\n"),),
        f"{STORIES}/test_presses.py::test_press_runs_once_after_a_reload_at_each_step",
    ),
    Named(
        "servers counted at the press",
        "app/session/waiting/sending_windows.py",
        (("min(len(able) + stuck, waiting", "min(len(workers), waiting"),),
        f"{STORIES}/test_windows.py::test_batch_uses_servers_that_answer_after_run_was_pressed",
    ),
    Named(
        "late server left out at once",
        "app/session/submitting/reservations.py",
        (("        if not late:\n", "        if True:\n"),),
        f"{STORIES}/test_choice.py::test_late_answer_of_an_idle_server_keeps_it_in_the_choice",
    ),
    Named(
        "press for a server that hangs refused",
        "app/core/aim.py",
        (("        return not PASSING.isdisjoint(error.causes.values())\n", "        return False\n"),),
        f"{STORIES}/test_presses.py::test_press_for_a_server_that_hangs_waits_until_it_answers",
    ),
    Named(
        "seed repeated in silence",
        "app/ui/form/actions.py",
        (
            (
                "self.draw_seeds(chosen, varied if varied is not None and index else draft)",
                "self.draw_seeds(chosen, draft)",
            ),
        ),
        "tests/unit/ui/runs/test_waiting.py::test_fixed_seed_is_the_first_of_several_runs",
    ),
    Named(
        "crashed tab taken for a copied one",
        "app/session/waiting/clicks.py",
        (
            (
                "if await windows.is_alive(window_id)}\n",
                "if await windows.is_alive(window_id) is not False}\n",
            ),
        ),
        f"{STORIES}/test_presses.py::test_press_survives_a_crash_that_changes_the_window_id",
    ),
    Named(
        "history before queue",
        "app/session/watching/watch.py",
        (
            (
                '("get_task_history", first, self._state.servers.fleet)\n',
                (
                    '("get_task_history", first, self._state.servers.fleet)\n'
                    "            ends = [await self._read_end(task, base, began) for task in tasks]\n"
                    "            self.ends = {task.prompt_id: end for task, end in zip(tasks, ends)}\n"
                ),
            ),
            (
                "        if (found := await self._read_end(task, base, began)) is not None:\n",
                "        if (found := self.ends.get(prompt_id)) is not None:\n",
            ),
        ),
        f"{STORIES}/test_polling.py::test_task_ending_between_requests_is_never_absent",
    ),
    Named(
        "fall back to another server",
        "app/core/balancer.py",
        (("    if wish.asked is not None:\n", "    if wish.asked in {item.server_id for item in candidates}:\n"),),
        f"{STORIES}/test_one_server.py::test_a_server_that_is_down_is_never_replaced_by_another",
    ),
    Named(
        "no guard",
        "app/core/window.py",
        (
            (
                "        if isinstance(mooring, Moored) and mooring.server_id != server_id:\n",
                "        if False:\n",
            ),
        ),
        f"{STORIES}/test_one_server.py::test_work_for_another_server_is_refused_with_everything_that_matters",
    ),
    Named(
        "reused client_id",
        "app/session/restore.py",
        (("client_id=ClientId(state.ports.random.uuid4())", 'client_id=ClientId("mooring")'),),
        f"{STORIES}/test_ownership.py::test_duplicated_tab_is_a_new_window_without_work",
    ),
    Named(
        "no deafness proof",
        "app/session/watching/deafness.py",
        (('        await self._reopen(opening, "deaf")\n', ""),),
        f"{STORIES}/test_deafness.py::test_unreported_start_proves_socket_deaf",
    ),
    Named(
        "adoption without epoch",
        "app/session/memory/store.py",
        (("epoch=known.epoch + 1", "epoch=known.epoch"),),
        "tests/ports/test_fakes.py::test_memory_store_satisfies_the_port",
    ),
    Named(
        "lost after one look",
        "app/core/truth.py",
        (
            (
                '        return replace(task, progress=absent).with_note(Note(at, "absent"))\n',
                '        return _ended(task, TaskState.LOST, at, proven=False, note=Note(at, "absent"))\n',
            ),
        ),
        "tests/unit/core/test_truth.py::test_one_absent_poll_is_not_lost",
    ),
    Named(
        "cancel by bare interrupt",
        "app/core/comfy.py",
        (('    body = json.dumps({"prompt_id": prompt_id})\n', "    body = json.dumps({})\n"),),
        "tests/unit/core/test_comfy_requests.py::test_a_request_names_its_prompt_and_nothing_else",
    ),
    Named(
        "a found task holds its window again",
        "app/core/truth.py",
        (("    return replace(task, is_ward=True) if task.state.is_end else task\n", "    return task\n"),),
        f"{STORIES}/test_one_server.py::test_lost_task_that_returns_never_moors_window",
    ),
    Named(
        "an end frees the window before it is durable",
        "app/session/records.py",
        (("if is_new_state and (task.state.is_end or known.state.is_end):", "if False:"),),
        f"{STORIES}/test_written_first.py::test_an_answer_that_cannot_be_written_is_not_forgotten",
    ),
    Named(
        "a moved server is not noticed",
        "app/core/window.py",
        (("    return server.address == recorded or ", "    return True or "),),
        "tests/unit/core/test_window.py::test_nothing_is_sent_to_a_server_that_moved",
    ),
    Named(
        "Stop behind a bulk transfer",
        "app/session/servers.py",
        (("        async with self.control(server_id):\n", "        async with self._bulk[server_id]:\n"),),
        f"{STORIES}/test_lanes.py::test_stop_leaves_while_upload_hangs",
    ),
)
