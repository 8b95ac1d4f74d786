"""What a workflow needs, checked for each server before anything is sent there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.model import ServerId
from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.editor.widgets import POWER_LORA
from app.workflows.needs import Lacks, MissingClass, ValueKind, check, classes_of, respell, standing
from app.workflows.replacements import FixedInput, MovedInput, Replacement, read_replacements
from tests import recordings

ROOT = Path(__file__).resolve().parents[3]


def node_class(**inputs: Any) -> dict[str, Any]:
    """A class whose inputs are all required."""
    return {"input": {"required": inputs}, "output": ["IMAGE"], "display_name": "Shown so"}


def catalogue(**more: Any) -> Catalogue:
    return Catalogue.parse(
        {
            "Load": node_class(ckpt_name=[["a.safetensors", "xl/b.safetensors"]], device=[["cpu", "gpu"]]),
            "Lora": node_class(lora_name=["COMBO", {"options": ["x.safetensors"], "multiselect": False}]),
            "Read": node_class(image=[["old.png"], {"image_upload": True}]),
            "Pick": node_class(image=["COMBO", {"image_upload": True, "remote": {"route": "/internal/files/output"}}]),
            "Many": node_class(marks=["COMBO", {"options": ["a", "b", "c"], "multi_select": True}]),
            "Save": node_class(images=["IMAGE"]),
            **more,
        }
    )


def workflow(**nodes: tuple[str, dict[str, Any]]) -> ApiWorkflow:
    return parse_workflow({name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()})


def test_available_classes_and_values_are_no_lack() -> None:
    work = workflow(n1=("Load", {"ckpt_name": "xl/b.safetensors", "device": "cpu"}), n2=("Save", {"images": ["n1", 0]}))
    assert check(work, catalogue()) == Lacks()
    assert not check(work, catalogue())


def test_a_missing_class_is_named_once_with_all_its_nodes() -> None:
    work = parse_workflow(
        {
            "1": {"class_type": "Nowhere", "_meta": {"title": "First"}},
            "2": {"class_type": "Nowhere"},
            "3": {"class_type": "Save", "inputs": {"images": ["1", 0]}},
        }
    )
    assert check(work, catalogue()).classes == (MissingClass("Nowhere", (("1", "First"), ("2", ""))),)


@pytest.mark.parametrize(
    ("kind", "inputs", "value_kind", "folder"),
    [
        ("Load", {"ckpt_name": "c.safetensors", "device": "cpu"}, ValueKind.MODEL, "checkpoints"),
        ("Load", {"ckpt_name": "a.safetensors", "device": "tpu"}, ValueKind.CHOICE, ""),
        ("Lora", {"lora_name": "y.safetensors"}, ValueKind.MODEL, "loras"),
        ("Read", {"image": "new.png"}, ValueKind.FILE, ""),
    ],
)
def test_missing_value_has_place_and_kind(
    kind: str, inputs: dict[str, Any], value_kind: ValueKind, folder: str
) -> None:
    (found,) = check(workflow(n1=(kind, inputs)), catalogue()).values
    assert (found.node_id, found.title, found.kind, found.folder) == ("n1", "Shown so", value_kind, folder)
    assert found.value == inputs[found.input_name]


def test_numbered_inputs_know_their_folder() -> None:
    known = catalogue(Two=node_class(clip_name1=[[]], clip_name2=[[]]))
    found = check(workflow(n1=("Two", {"clip_name1": "a", "clip_name2": "b"})), known).values
    assert [(item.folder, item.kind) for item in found] == [("text_encoders", ValueKind.MODEL)] * 2


@pytest.mark.parametrize("value", ["b.safetensors", "XL/B.safetensors", "other\\b.safetensors"])
def test_same_file_in_another_folder_is_named(value: str) -> None:
    (found,) = check(workflow(n1=("Load", {"ckpt_name": value})), catalogue()).values
    assert found.near == "xl/b.safetensors"


def test_uploads_are_no_lack() -> None:
    work = workflow(n1=("Read", {"image": "holiday.png"}))
    assert check(work, catalogue(), {("n1", "image")}) == Lacks()
    assert check(workflow(n1=("Read", {"image": ""})), catalogue()) == Lacks()


@pytest.mark.parametrize("value", ["mooring/ab12.png", "shot.png [output]", "old.png"])
def test_a_file_that_the_list_cannot_name_is_no_lack(value: str) -> None:
    assert check(workflow(n1=("Read", {"image": value})), catalogue()) == Lacks()


def test_a_remote_list_that_is_not_known_is_no_lack() -> None:
    assert check(workflow(n1=("Pick", {"image": "anything.png"})), catalogue()) == Lacks()


def test_each_of_several_choices_is_checked() -> None:
    (found,) = check(workflow(n1=("Many", {"marks": {"__value__": ["a", "z"]}})), catalogue()).values
    assert found.value == "z"


def test_a_link_is_no_value() -> None:
    assert (
        check(workflow(n1=("Load", {"ckpt_name": ["n2", 0]}), n2=("Names", {})), catalogue(Names=node_class()))
        == Lacks()
    )


def test_required_input_without_link_is_a_lack() -> None:
    (found,) = check(workflow(n1=("Save", {})), catalogue()).values
    assert (found.key, found.value, found.kind) == (("n1", "images"), "images", ValueKind.LINK)
    (found,) = check(workflow(n1=("Save", {"images": ["gone", 0]})), catalogue()).values
    assert (found.input_name, found.kind) == ("images", ValueKind.LINK)
    assert check(workflow(n1=("Load", {})), catalogue()) == Lacks(), "the form has a value for it"


def test_link_to_an_output_that_the_server_lacks_is_a_lack() -> None:
    def work(slot: int) -> ApiWorkflow:
        return workflow(n1=("Load", {"ckpt_name": "a.safetensors"}), n2=("Save", {"images": ["n1", slot]}))

    assert check(work(0), catalogue()) == Lacks()
    (found,) = check(work(1), catalogue()).values
    assert (found.key, found.value, found.kind) == (("n2", "images"), "Shown so", ValueKind.OUTPUT)


def test_replaced_node_without_its_inputs_is_a_lack() -> None:
    """A replacement without `input_mapping` drops all inputs; then values of the new node are missing too."""
    known = catalogue(New=node_class(ckpt_name=[["a.safetensors"]]))
    old = workflow(n1=("Old", {"name": "a.safetensors"}))
    rules = '{"Old": [{"new_node_id": "New", "input_mapping": %s}]}'
    known.replacements = read_replacements(rules % '[{"new_id": "ckpt_name", "old_id": "name"}]')
    assert check(old, known) == Lacks()
    known.replacements = read_replacements(rules % "null")
    (found,) = check(old, known).values
    assert (found.class_type, found.input_name, found.kind) == ("New", "ckpt_name", ValueKind.LINK)


def test_choices_need_not_be_texts() -> None:
    known = catalogue(Odd=node_class(size=[[1, 2, 4]], on=[[True, False]]))
    assert check(workflow(n1=("Odd", {"size": 2, "on": False})), known) == Lacks()
    (found,) = check(workflow(n1=("Odd", {"size": 3, "on": True})), known).values
    assert found.value == "3"


def test_inputs_of_dynamic_choice_are_checked_while_chosen() -> None:
    options = [
        {"key": "small", "inputs": {"required": {"model": [["s.safetensors"]]}}},
        {"key": "large", "inputs": {"required": {"model": [["l.safetensors"]]}}},
    ]
    known = catalogue(Dyn=node_class(mode=["COMFY_DYNAMICCOMBO_V3", {"options": options}]))
    fine = workflow(n1=("Dyn", {"mode": "large", "mode.model": "l.safetensors"}))
    assert check(fine, known) == Lacks()
    (found,) = check(workflow(n1=("Dyn", {"mode": "small", "mode.model": "l.safetensors"})), known).values
    assert (found.input_name, found.value) == ("mode.model", "l.safetensors")
    assert check(workflow(n1=("Dyn", {"mode": "huge"})), known) == Lacks(), "the server does not check it"


def test_choice_in_newer_form_is_checked_where_the_server_checks_it() -> None:
    work = workflow(n1=("Lora", {"lora_name": "y.safetensors"}), n2=("Load", {"device": "tpu"}))
    older = catalogue()
    older.checks_new_choices = False
    assert [item.value for item in check(work, older).values] == ["tpu"]
    assert [item.value for item in check(work, catalogue()).values] == ["y.safetensors", "tpu"]


def test_unreadable_class_counts_as_present() -> None:
    assert check(workflow(n1=("Broken", {"x": "y"})), catalogue(Broken={"input": 7})) == Lacks()


def test_each_server_of_fleet_is_checked() -> None:
    work = workflow(n1=("Load", {"ckpt_name": "c.safetensors"}), n2=("Extra", {}))
    both = Catalogue.parse({**catalogue(Extra=node_class()).entries, "Load": node_class(ckpt_name=[["c.safetensors"]])})
    fleet = {ServerId("gpu-1"): both, ServerId("gpu-2"): catalogue(), ServerId("gpu-3"): both, ServerId("gpu-4"): None}
    runnability = standing(work, fleet)
    assert runnability.runs_on == ("gpu-1", "gpu-3")
    assert runnability.unknown == ("gpu-4",)
    lacks = runnability.lacks[ServerId("gpu-2")]
    assert set(runnability.lacks) == {"gpu-2"}
    assert [item.class_type for item in lacks.classes] == ["Extra"]
    assert [item.value for item in lacks.values] == ["c.safetensors"]


def test_servers_that_share_a_catalogue_are_checked_once() -> None:
    shared = catalogue()
    fleet: dict[ServerId, Catalogue | None] = {ServerId(f"gpu-{number}"): shared for number in range(3)}
    lacks = standing(workflow(n1=("Nowhere", {})), fleet).lacks
    assert len({id(item) for item in lacks.values()}) == 1


@pytest.mark.parametrize("sample", ["enlarge", "blend"])
def test_the_shipped_workflows_run_on_a_plain_comfyui(sample: str) -> None:
    known = Catalogue.parse(recordings.catalogue_text())
    text = json.loads((ROOT / f"static/workflows/{sample}.json").read_text("utf-8"))
    assert check(parse_workflow(text["workflow"]), known) == Lacks()


COMBO = {"input": {"required": {"choice": ["COMBO", {"options": [], "multiselect": False}]}}, "output": ["STRING"]}


@pytest.mark.parametrize(
    "inputs",
    [
        {"choice": "screen", "index": 1, "option1": "add", "option2": "screen", "option3": ""},
        {"choice": "gone", "index": -1, "option1": "add", "option2": ""},
        {"choice": "screen"},
        {"choice": ""},
    ],
)
def test_choices_written_into_the_workflow_are_no_lack(inputs: dict[str, Any]) -> None:
    assert check(workflow(n1=("CustomCombo", inputs)), catalogue(CustomCombo=COMBO)) == Lacks()


def test_any_class_may_bring_its_own_choices() -> None:
    inputs = {"choice": "b", "option1": "a", "option2": "b"}
    assert check(workflow(n1=("OwnCombo", inputs)), catalogue(OwnCombo=COMBO)) == Lacks()


@pytest.mark.parametrize("inputs", [{"choice": "b"}, {"choice": "b", "options": "b"}, {"choice": "b", "option1": ""}])
def test_empty_list_of_another_class_is_a_lack(inputs: dict[str, Any]) -> None:
    (found,) = check(workflow(n1=("Folder", inputs)), catalogue(Folder=COMBO)).values
    assert (found.value, found.kind) == ("b", ValueKind.CHOICE)


def test_values_of_unreached_nodes_are_not_needed() -> None:
    output = {**node_class(images=["IMAGE"]), "output_node": True}
    work = workflow(
        n1=("Read", {"image": "old.png"}),
        n2=("Keep", {"images": ["n1", 0]}),
        n3=("Load", {"ckpt_name": "nowhere.safetensors", "device": "cpu"}),
        n4=("Read", {"image": "nowhere.png"}),
        n5=("Save", {"images": ["n4", 0]}),
    )
    assert check(work, catalogue(Keep=output)) == Lacks()
    reaching = work.with_value("n2", "images", ["n4", 0])
    assert [item.value for item in check(reaching, catalogue(Keep=output)).values] == ["nowhere.png"]


def test_missing_class_is_needed_even_where_no_output_reaches_it() -> None:
    output = {**node_class(images=["IMAGE"]), "output_node": True}
    work = workflow(n1=("Read", {"image": "old.png"}), n2=("Keep", {"images": ["n1", 0]}), n3=("Nowhere", {}))
    assert [item.class_type for item in check(work, catalogue(Keep=output)).classes] == ["Nowhere"]


def test_cycle_without_an_output_is_checked_and_ends() -> None:
    output = {**node_class(images=["IMAGE"]), "output_node": True}
    work = workflow(n1=("Keep", {"images": ["n2", 0]}), n2=("Read", {"image": "no.png", "more": ["n1", 0]}))
    assert [item.value for item in check(work, catalogue(Keep=output)).values] == ["no.png"]


WINDOWS = {"Load": node_class(ckpt_name=[["a.safetensors", "xl\\b.safetensors"]], device=[["cpu"]])}
SPELLINGS = ("xl/b.safetensors", "xl\\b.safetensors")


@pytest.mark.parametrize("name", SPELLINGS)
def test_model_in_another_spelling_is_no_lack(name: str) -> None:
    work = workflow(n1=("Load", {"ckpt_name": name, "device": "cpu"}))
    fleet: dict[ServerId, Catalogue | None] = {
        ServerId("linux"): catalogue(),
        ServerId("windows"): catalogue(**WINDOWS),
    }
    assert standing(work, fleet).runs_on == ("linux", "windows")
    elsewhere = {"Load": node_class(ckpt_name=[["xl2\\b.safetensors"]], device=[["cpu"]])}
    (found,) = check(work, catalogue(**elsewhere)).values
    assert (found.value, found.near) == (name, "xl2/b.safetensors")


@pytest.mark.parametrize("name", SPELLINGS)
def test_model_is_sent_as_its_server_spells_it(name: str) -> None:
    work = workflow(n1=("Load", {"ckpt_name": name, "device": "cpu"}))
    assert respell(work, catalogue()).value("n1", "ckpt_name") == "xl/b.safetensors"
    assert respell(work, catalogue(**WINDOWS)).value("n1", "ckpt_name") == "xl\\b.safetensors"


def test_only_choices_of_the_server_are_respelled() -> None:
    files = node_class(image=[["sub\\a.png"], {"image_upload": True}])
    own = {"choice": "a/b", "option1": "a/b", "option2": "a\\b"}
    known = catalogue(Say=node_class(text=["STRING", {}]), Read=files, CustomCombo=COMBO)
    work = workflow(
        n1=("Say", {"text": "xl\\b.safetensors"}),
        n2=("Read", {"image": "sub/a.png"}),
        n3=("CustomCombo", own),
        n4=("Nowhere", {"ckpt_name": "xl\\b.safetensors"}),
        n5=("Load", {"ckpt_name": ["n3", 0], "device": "cpu"}),
    )
    assert respell(work, known) is work


def test_each_of_several_choices_is_respelled() -> None:
    known = catalogue(Many=node_class(marks=["COMBO", {"options": ["a\\b", "c", "d"], "multi_select": True}]))
    work = workflow(n1=("Many", {"marks": {"__value__": ["a/b", "c"]}}))
    assert check(work, known) == Lacks()
    assert respell(work, known).value("n1", "marks") == {"__value__": ["a\\b", "c"]}


def test_model_inside_a_dynamic_choice_is_respelled() -> None:
    options = [{"key": "large", "inputs": {"required": {"model": [["xl\\l.safetensors"]]}}}]
    known = catalogue(Dyn=node_class(mode=["COMFY_DYNAMICCOMBO_V3", {"options": options}]))
    work = workflow(n1=("Dyn", {"mode": "large", "mode.model": "xl/l.safetensors"}))
    assert check(work, known) == Lacks()
    assert respell(work, known).value("n1", "mode.model") == "xl\\l.safetensors"


def test_rows_of_loras_are_respelled_as_another_class_lists_them() -> None:
    known = catalogue(LoraLoader=node_class(lora_name=[["xl\\a.safetensors"]]), **{POWER_LORA: {"output": ["MODEL"]}})
    rows = {"lora_1": {"on": True, "lora": "xl/a.safetensors"}, "lora_2": {"on": True, "lora": "b.safetensors"}}
    power = parse_workflow({"1": {"class_type": POWER_LORA, "inputs": {**rows, "note": "xl/a.safetensors"}}})
    assert classes_of(power) == {POWER_LORA, "LoraLoader"}
    assert json.loads(respell(power, known).text)["1"]["inputs"] == {
        "lora_1": {"on": True, "lora": "xl\\a.safetensors"},
        "lora_2": {"on": True, "lora": "b.safetensors"},
        "note": "xl/a.safetensors",
    }
    del known.entries["LoraLoader"]
    assert respell(power, Catalogue(known.entries)) is power


def test_model_of_a_replaced_class_is_respelled_under_its_own_name() -> None:
    known = catalogue(**WINDOWS)
    inputs = {"ckpt_name": MovedInput("name"), "device": FixedInput("cpu")}
    known.replacements = {"OldLoad": Replacement("Load", inputs)}
    sent = respell(workflow(n1=("OldLoad", {"name": "xl/b.safetensors"})), known)
    assert json.loads(sent.text)["n1"]["inputs"] == {"name": "xl\\b.safetensors"}


def test_nodes_that_cost_credits_need_a_server_that_gets_keys() -> None:
    far, save = (
        {**node_class(text=["STRING", {}]), "api_node": True},
        {**node_class(images=["IMAGE"]), "output_node": True},
    )
    known = catalogue(Far=far, Save=save)
    work = workflow(n1=("Far", {"text": "x"}), n2=("Save", {"images": ["n1", 0]}), n3=("Far", {"text": "unused"}))
    found = standing(work, {ServerId("a"): known, ServerId("b"): known}, without_keys={ServerId("b")})
    assert found.runs_on == ("a",)
    assert found.lacks == {"b": Lacks(without_key=(MissingClass("Far", (("n1", ""),)),))}
    assert found.lacks[ServerId("b")].names == ("Far",)
