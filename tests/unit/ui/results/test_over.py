"""What the menu of a result in *Latest* offers."""

from __future__ import annotations

from app.core.model import Delivery, Output, Task, TaskState
from app.ui.kit.image_addresses import Original
from app.ui.kit.state import UiState
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import StillPictures, StillSession, ended, output, window, workflows
from tests.kit.page.views import markup, project

PICTURE = output(delivery=Delivery.KEPT, media_type="image/png", size=10)
SEEDED = '{"1": {"class_type": "KSampler", "inputs": {"seed": 1}}}'
UNSEEDED = '{"1": {"class_type": "Enlarge", "inputs": {}}}'


def offered(task: Task, *, is_here: bool = True) -> set[str]:
    """Return the actions in the menu of a task's first result in *Latest*; `is_here` gives it an address."""
    pictures = StillPictures(originals={(task.prompt_id, 0): Original("blob:1")} if is_here else {})
    view = project(
        StillSession(window=window(task)), UiState(), workflows=workflows(), pictures=pictures, language="en"
    )
    text = markup(view, "results")
    pattern = text[text.index("<template") : text.index("</template>")]
    lacking = set(element(text, data_result=f"{task.prompt_id}/0")["data-lacking"].split())
    entries = {item["data-action"] for item in elements(pattern) if "data-action" in item}
    assert lacking <= entries
    return entries - lacking


def of(output: Output, workflow: str = SEEDED, state: TaskState = TaskState.SUCCEEDED) -> Task:
    return ended("a", output, workflow=workflow, state=state)


def test_picture_with_a_seed_offers_everything_but_a_repeat() -> None:
    assert offered(of(PICTURE)) == {
        "use-settings", "run-variation", "album-compare", "note-saved", "album-download-bare", "open-graph",
        "album-open", "album-ask-delete",
    }  # fmt: skip


def test_run_without_a_seed_is_repeated_unless_it_may_still_run() -> None:
    changed = {"run-variation", "run-again"}
    assert offered(of(PICTURE, UNSEEDED)) & changed == {"run-again"}
    assert offered(of(PICTURE, UNSEEDED, TaskState.GIVEN_UP)) & changed == set()


def test_result_without_its_workflow_offers_no_run_and_no_graph() -> None:
    missing = offered(of(PICTURE)) - offered(of(PICTURE, workflow=""))
    assert missing == {"use-settings", "run-variation", "open-graph"}


def test_only_what_is_kept_is_downloaded_without_its_workflow() -> None:
    on_its_server = output(delivery=Delivery.PENDING, media_type="image/png", size=10)
    assert offered(of(PICTURE)) - offered(of(on_its_server), is_here=False) == {"album-download-bare", "note-saved"}


def test_sound_is_compared_with_nothing() -> None:
    sound = output("a.flac", delivery=Delivery.KEPT, media_type="audio/flac", size=10)
    assert offered(of(PICTURE)) - offered(of(sound)) == {"album-compare", "album-download-bare"}
