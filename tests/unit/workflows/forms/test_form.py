"""The form of any workflow: every input that is not linked has its field, and nothing untouched is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form, Hints, NodeHint
from app.workflows.forms.kinds import Choice, Decimal, Kind, Media, Seed, SeedMode, Switch, Text, Unknown, Upload, Whole
from app.workflows.forms.labels import label_of
from app.workflows.forms.search import search
from tests import recordings

ROOT = Path(__file__).resolve().parents[4]
LORAS = [f"style/{number}.safetensors" for number in range(3000)]
SAMPLER = {
    "model": ["MODEL"],
    "seed": ["INT", {"default": 0, "min": 0, "max": 18446744073709551615, "control_after_generate": True}],
    "steps": ["INT", {"default": 20, "min": 1, "max": 10000, "tooltip": "How many."}],
    "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1}],
    "sampler_name": [["euler", "ddim"]],
    "positive": ["CONDITIONING"],
    "negative": ["CONDITIONING"],
}


def node_class(title: str = "", outputs: tuple[str, ...] = ("IMAGE",), **inputs: Any) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for name, spec in inputs.items():
        groups["optional" if name.startswith("maybe_") else "required"][name] = spec
    return {"input": groups, "output": list(outputs), "display_name": title}


CATALOGUE = Catalogue.parse(
    {
        "KSampler": node_class("Sample", ("LATENT",), **SAMPLER),
        "Encode": node_class("Encode", ("CONDITIONING",), text=["STRING", {"multiline": True}], clip=["CLIP"]),
        "Load": node_class("Load", ("MODEL", "CLIP", "VAE"), ckpt_name=[["a.safetensors"]]),
        "Lora": node_class("LoRA", ("MODEL",), model=["MODEL"], lora_name=["COMBO", {"options": LORAS}]),
        "LoadImage": node_class("Picture", ("IMAGE", "MASK"), image=[["old.png"], {"image_upload": True}]),
        "LoadImageMask": node_class("Mask", ("MASK",), image=[["old.png"], {"image_upload": True}]),
        "LoadVideo": node_class("Video", ("VIDEO",), file=["COMBO", {"options": [], "video_upload": True}]),
        "LoadAudio": node_class("Sound", ("AUDIO",), audio=[[], {"audio_upload": True}]),
        "Webcam": node_class("Camera", ("IMAGE",), image=["WEBCAM", {}]),
        "Empty": node_class(
            "Empty", ("LATENT",), width=["INT", {"min": 16, "max": 16384, "step": 8}], height=["INT", {}]
        ),
        "Masked": node_class("Masked", ("IMAGE",), image=["IMAGE"], mask=["MASK"], on=["BOOLEAN", {"default": True}]),
        "Extra": node_class("Extra", (), maybe_power=["FLOAT", {"default": 0.5}], size=["INT", {"default": 3}]),
        "Save": node_class("Save", (), images=["IMAGE"], filename_prefix=["STRING", {"default": "ComfyUI"}]),
        "Dyn": node_class(
            "Dynamic",
            (),
            mode=[
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "small", "inputs": {"required": {"width": ["INT", {"default": 8}]}}},
                        {"key": "large", "inputs": {"required": {"factor": ["FLOAT", {"default": 2.0}]}}},
                    ]
                },
            ],
        ),
        "Slide": node_class(
            "Slide", (), amount=["INT", {"min": 0, "max": 9, "display": "slider"}], colour=["COLOR", {}], m=["MODEL"]
        ),
    }
)


def workflow(nodes: dict[str, tuple[str, dict[str, Any]]]) -> ApiWorkflow:
    return parse_workflow({name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()})


def kind_in(nodes: dict[str, tuple[str, dict[str, Any]]], node_id: str, name: str) -> Kind:
    return build_form(workflow(nodes), CATALOGUE).by_key[node_id, name].kind


def sampling(**more: tuple[str, dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The usual graph, the negative text first."""
    return {
        "load": ("Load", {"ckpt_name": "a.safetensors"}),
        "neg": ("Encode", {"text": "blurred", "clip": ["load", 1]}),
        "pos": ("Encode", {"text": "a harbour", "clip": ["load", 1]}),
        "empty": ("Empty", {"width": 512, "height": 768}),
        "sample": (
            "KSampler",
            {
                "model": ["load", 0],
                "seed": 7,
                "steps": 20,
                "cfg": 8,
                "sampler_name": "euler",
                "positive": ["pos", 0],
                "negative": ["neg", 0],
            },
        ),
        **more,
    }


def test_every_input_that_is_not_linked_has_its_field() -> None:
    form = build_form(workflow(sampling()), CATALOGUE)
    assert [section.node_id for section in form.sections] == ["load", "neg", "pos", "empty", "sample"]
    assert [key for key in form.by_key if key[0] == "sample"] == [
        ("sample", "seed"),
        ("sample", "steps"),
        ("sample", "cfg"),
        ("sample", "sampler_name"),
    ]
    assert form.sections[0].title == "Load"


@pytest.mark.parametrize(
    ("nodes", "key", "kind"),
    [
        (sampling(), ("sample", "seed"), Seed(0, 2**64 - 1)),
        (sampling(), ("sample", "steps"), Whole(1, 10000)),
        (sampling(), ("sample", "cfg"), Decimal(0.0, 100.0, 0.1)),
        (sampling(), ("sample", "sampler_name"), Choice(("euler", "ddim"))),
        (sampling(), ("pos", "text"), Text(is_multiline=True)),
        (sampling(), ("empty", "width"), Whole(16, 16384, 8)),
        ({"n": ("Save", {"filename_prefix": "x", "images": ["m", 0]})}, ("n", "filename_prefix"), Text()),
        ({"n": ("Masked", {"on": False})}, ("n", "on"), Switch()),
        ({"n": ("Slide", {"amount": 1})}, ("n", "amount"), Whole(0, 9, is_slider=True)),
        ({"n": ("Slide", {"colour": "#102030"})}, ("n", "colour"), Text()),
        ({"n": ("LoadVideo", {"file": ""})}, ("n", "file"), Upload(Media.VIDEO)),
        ({"n": ("LoadAudio", {"audio": ""})}, ("n", "audio"), Upload(Media.AUDIO)),
        ({"n": ("Webcam", {"image": ""})}, ("n", "image"), Upload(Media.PICTURE)),
        ({"n": ("LoadImageMask", {"image": ""})}, ("n", "image"), Upload(Media.MASK, options=("old.png",))),
    ],
)
def test_each_input_gets_the_field_of_its_kind(nodes: Any, key: tuple[str, str], kind: Kind) -> None:
    assert kind_in(nodes, *key) == kind


def test_a_mask_is_offered_where_the_workflow_uses_one() -> None:
    nodes = {"n": ("LoadImage", {"image": "old.png"}), "m": ("Masked", {"image": ["n", 0], "on": True})}
    assert kind_in(nodes, "n", "image") == Upload(options=("old.png",))
    nodes["m"][1]["mask"] = ["n", 1]
    assert kind_in(nodes, "n", "image") == Upload(options=("old.png",), is_mask_used=True)


def test_thousands_of_choices_are_shared_by_all_fields() -> None:
    nodes = {str(number): ("Lora", {"lora_name": LORAS[number], "model": ["x", 0]}) for number in range(20)}
    form = build_form(workflow(nodes), CATALOGUE)
    kinds = [item.kind for item in form.by_key.values()]
    assert len({id(kind.options) for kind in kinds if isinstance(kind, Choice)}) == 1
    assert len(kinds) == 20


def test_an_unknown_class_is_shown_and_sent_as_it_is() -> None:
    nodes = {"n": ("Foreign", {"amount": 3, "thing": {"a": 1}, "model": ["m", 0]}), **sampling()}
    form = build_form(workflow(nodes), CATALOGUE)
    section = form.sections[0]
    assert (section.title, section.is_known) == ("Foreign", False)
    assert {item.input_name: item.kind for item in section.fields} == {"amount": Unknown(), "thing": Unknown()}
    sent = json.loads(form.filled({("n", "amount"): "4", ("sample", "steps"): "9"}).text)
    assert sent["n"]["inputs"] == nodes["n"][1]
    assert sent["sample"]["inputs"]["steps"] == 9


def test_an_input_that_its_class_does_not_know_stays_too() -> None:
    form = build_form(workflow({"n": ("Save", {"filename_prefix": "x", "newer": 5})}), CATALOGUE)
    assert form.by_key["n", "newer"].kind == Unknown()
    assert json.loads(form.filled({}).text)["n"]["inputs"]["newer"] == 5


def test_without_catalogue_nothing_changes_or_is_lost() -> None:
    work = workflow(sampling())
    form = build_form(work, None)
    assert {type(item.kind) for item in form.by_key.values()} == {Unknown}
    assert form.filled({("sample", "steps"): "9"}).text == work.text


def test_an_untouched_form_sends_the_workflow_as_it_came() -> None:
    work = workflow(sampling())
    form = build_form(work, CATALOGUE)
    assert form.filled({}).text == work.text
    untouched = {key: item.text for key, item in form.by_key.items()}
    assert form.filled(untouched).text == work.text


def test_typed_values_are_sent_exactly() -> None:
    form = build_form(workflow(sampling()), CATALOGUE)
    sent = json.loads(form.filled({("sample", "seed"): "18446744073709551615", ("pos", "text"): "海边"}).text)
    assert sent["sample"]["inputs"]["seed"] == 18446744073709551615
    assert sent["pos"]["inputs"]["text"] == "海边"


def test_invalid_values_are_listed_by_field_and_refused() -> None:
    form = build_form(workflow(sampling()), CATALOGUE)
    texts = {("sample", "steps"): "many", ("sample", "cfg"): "101", ("gone", "x"): "?"}
    assert {key: fault.cause for key, fault in form.faults(texts).items()} == {
        ("sample", "steps"): "not-a-number",
        ("sample", "cfg"): "out-of-range",
    }
    with pytest.raises(BadInput):
        form.filled(texts)


def test_fault_of_workflow_disappears_when_corrected() -> None:
    form = build_form(workflow({"n": ("Empty", {"width": 8, "height": 8})}), CATALOGUE)
    assert set(form.faults({})) == {("n", "width")}
    assert form.faults({("n", "width"): "64"}) == {}


def test_model_of_another_server_is_no_form_fault() -> None:
    """Only a chosen value must be on the list; which server has it is a matter of the workflow's needs."""
    form = build_form(workflow({"n": ("Load", {"ckpt_name": "other.safetensors"})}), CATALOGUE)
    assert form.faults({}) == {}
    assert set(form.faults({("n", "ckpt_name"): "third.safetensors"})) == {("n", "ckpt_name")}


def test_model_in_another_spelling_is_its_servers_choice() -> None:
    """What the user does not touch is sent as the author has spelled it, until a server is chosen."""
    known = {"Load": {"input": {"required": {"name": [["xl\\a", "xl\\b"]]}}}}
    form = build_form(workflow({"n": ("Load", {"name": "xl/a"})}), Catalogue.parse(known))
    assert form.by_key["n", "name"].text == "xl\\a"
    assert form.faults({("n", "name"): "xl/b"}) == {}
    assert form.values({("n", "name"): "xl\\a"}) == {("n", "name"): "xl/a"}
    assert form.values({("n", "name"): "xl/b"}) == {("n", "name"): "xl\\b"}


def test_inputs_that_the_workflow_does_not_have() -> None:
    form = build_form(workflow({"n": ("Extra", {})}), CATALOGUE)
    assert (form.by_key["n", "size"].text, form.by_key["n", "maybe_power"].text) == ("3", "")
    assert json.loads(form.filled({}).text)["n"]["inputs"] == {"size": 3}
    sent = json.loads(form.filled({("n", "maybe_power"): "0.75"}).text)["n"]["inputs"]
    assert sent == {"size": 3, "maybe_power": 0.75}


def test_file_on_server_is_not_chosen_by_default() -> None:
    assert build_form(workflow({"n": ("LoadImage", {})}), CATALOGUE).by_key["n", "image"].text == ""


def test_a_choice_that_brings_inputs_along_opens_them() -> None:
    work = workflow({"n": ("Dyn", {"mode": "small", "mode.width": 16})})
    form = build_form(work, CATALOGUE)
    assert form.by_key["n", "mode"].kind == Choice(("small", "large"), is_shaping=True)
    assert isinstance(form.by_key["n", "mode.width"].kind, Whole)
    texts = {("n", "mode"): "large"}
    changed = build_form(work, CATALOGUE, texts=texts)
    assert isinstance(changed.by_key["n", "mode.factor"].kind, Decimal)
    assert json.loads(changed.filled(texts).text)["n"]["inputs"]["mode.factor"] == 2.0
    fresh = build_form(workflow({"n": ("Dyn", {})}), CATALOGUE)
    assert json.loads(fresh.filled({}).text)["n"]["inputs"] == {"mode": "small", "mode.width": 8}


def test_the_editors_hints_reach_the_form() -> None:
    hints = Hints({"sample": NodeHint("#335533", "Drawing")}, {("sample", "seed"): SeedMode.UP})
    form = build_form(workflow(sampling()), CATALOGUE, hints)
    section = next(item for item in form.sections if item.node_id == "sample")
    assert (section.colour, section.group) == ("#335533", "Drawing")
    assert form.by_key["sample", "seed"].kind == Seed(mode=SeedMode.UP)


@pytest.mark.parametrize(
    ("name", "label"),
    [("steps", "Steps"), ("lora_name", "LoRA name"), ("cfg", "CFG"), ("mode.width", "Mode width"), ("", "")],
)
def test_input_without_label_is_called_by_its_name(name: str, label: str) -> None:
    assert label_of(name) == label


def test_important_fields_come_first() -> None:
    nodes = sampling(photo=("LoadImage", {"image": ""}), save=("Save", {"filename_prefix": "x", "images": ["s", 0]}))
    more = {f"x{number}": ("Masked", {"on": True}) for number in range(8)}
    form = build_form(workflow(nodes | more), CATALOGUE)
    assert form.first == (
        ("pos", "text"),
        ("photo", "image"),
        ("neg", "text"),
        ("sample", "seed"),
        ("empty", "width"),
        ("empty", "height"),
        ("sample", "steps"),
        ("sample", "cfg"),
        ("load", "ckpt_name"),
        ("sample", "sampler_name"),
    )


def test_a_small_form_is_at_the_top_as_a_whole() -> None:
    form = build_form(workflow({"n": ("Masked", {"on": True}), "m": ("Save", {"filename_prefix": "x"})}), CATALOGUE)
    assert set(form.first) == {("n", "on"), ("m", "filename_prefix")}


def test_graph_of_many_samplers_shows_text_seed_and_size() -> None:
    nodes = {}
    for number in range(10):
        nodes |= {
            f"{name}{number}": (kind, {key: _renamed(value, number) for key, value in inputs.items()})
            for name, (kind, inputs) in sampling().items()
        }
    form = build_form(workflow(nodes), CATALOGUE)
    assert len(form.first) == 12
    names = [name for _, name in form.first]
    assert {"text", "seed", "width", "steps"} <= set(names)
    assert form.first[0] == ("pos0", "text")


def _renamed(value: Any, number: int) -> Any:
    return [f"{value[0]}{number}", value[1]] if isinstance(value, list) else value


def test_a_negative_text_is_known_through_the_nodes_between() -> None:
    between = {
        "control": ("Control", {"positive": ["pos", 0], "negative": ["neg", 0], "strength": 1.0}),
    }
    nodes = sampling(**between)
    nodes["sample"][1].update(positive=["control", 0], negative=["control", 1])
    form = build_form(workflow(nodes), CATALOGUE)
    assert form.first.index(("pos", "text")) < form.first.index(("neg", "text"))


def test_unlinked_negative_text_is_recognised_by_title() -> None:
    raw = {
        name: {"class_type": "Encode", "inputs": {"text": "x"}, "_meta": {"title": title}}
        for name, title in (("1", "反向提示词"), ("2", "提示词"))
    }
    assert build_form(parse_workflow(raw), CATALOGUE).first == (("2", "text"), ("1", "text"))


def found(form: Form, query: str, **more: Any) -> set[tuple[str, str]]:
    return {item.key for section in search(form.sections, query, **more) for item in section.fields}


def test_search_reaches_titles_classes_names_and_values() -> None:
    raw = json.loads(workflow(sampling()).text)
    raw["pos"]["_meta"] = {"title": "正向提示词"}
    form = build_form(parse_workflow(raw), CATALOGUE)
    assert found(form, "提示") == {("pos", "text")}
    assert found(form, "ksampler STEPS") == {("sample", "steps")}
    assert found(form, "ｅｕｌｅｒ") == {("sample", "sampler_name")}
    assert found(form, "harbour") == {("pos", "text")}
    assert found(form, "harbour ddim") == set()
    assert len(found(form, "KSampler")) == 4
    assert search(form.sections, "  ") == form.sections


def test_search_finds_values_and_labels_of_form() -> None:
    form = build_form(workflow(sampling()), CATALOGUE)
    assert found(form, "海边", texts={("pos", "text"): "海边的日出"}) == {("pos", "text")}
    assert found(form, "步数", translate=lambda text: {"Steps": "步数"}.get(text, text)) == {("sample", "steps")}


def test_every_class_of_a_real_server_has_a_form() -> None:
    real = Catalogue.parse(recordings.catalogue_text())
    work = parse_workflow({name: {"class_type": name, "inputs": {}} for name in real.names})
    form = build_form(work, real)
    unknown = {(item.class_type, item.input_name) for item in form.by_key.values() if isinstance(item.kind, Unknown)}
    assert unknown == set()
    uploads = {(item.class_type, item.kind.media) for item in form.uploads() if isinstance(item.kind, Upload)}
    assert {("LoadImage", Media.PICTURE), ("LoadImageMask", Media.MASK), ("LoadVideo", Media.VIDEO)} <= uploads
    for item in form.by_key.values():
        if not item.is_absent or item.is_optional or isinstance(item.kind, Choice):
            continue
        assert item.fault(item.text) is None, (item.class_type, item.input_name)
