"""Facts of models, from metadata that anyone may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.model_facts import LONGEST, MOST_WORDS, ModelFacts, read_model_facts
from demo_comfyui.models import MODELS

TAGS = {"10_ink": {"ink": 96, "mist": 40, "ink wash": 99}, "2_more": {"mist": 60, "rain": 1}}


@pytest.mark.parametrize(
    ("metadata", "facts"),
    [
        ({}, ModelFacts()),
        ({"modelspec.trigger_phrase": "ink wash, Mist ;ink wash"}, ModelFacts(words=("ink wash", "Mist"))),
        ({"trained_words": '["ink wash", "mist, rain"]'}, ModelFacts(words=("ink wash", "mist", "rain"))),
        ({"trained_words": ["ink wash", 7, None]}, ModelFacts(words=("ink wash",))),
        ({"trigger_words": "[ink"}, ModelFacts(words=("[ink",))),
        ({"ss_tag_frequency": json.dumps(TAGS)}, ModelFacts(tags=("mist", "ink wash", "ink", "rain"))),
        (
            {"ss_tag_frequency": TAGS, "modelspec.trigger_phrase": "Ink Wash"},
            ModelFacts(words=("Ink Wash",), tags=("mist", "ink", "rain")),
        ),
        ({"ss_tag_frequency": '{"a": {"x": true, "y": -1, "z": 1e999, "w": "9", "v": 2}}'}, ModelFacts(tags=("v",))),
        (
            {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"},
            ModelFacts(base="stable-diffusion-xl-v1-base"),
        ),
        ({"ss_base_model_version": "sdxl_base_v1-0", "ss_sd_model_name": "x"}, ModelFacts(base="sdxl_base_v1-0")),
        ({"modelspec.resolution": "1024x768"}, ModelFacts(resolution=(1024, 768))),
        ({"ss_resolution": "(1024, 768)"}, ModelFacts(resolution=(1024, 768))),
        ({"ss_resolution": "512"}, ModelFacts(resolution=(512, 512))),
        ({"ss_resolution": "None", "modelspec.resolution": "0x0"}, ModelFacts()),
        ({"modelspec.trigger_phrase": "a\u202eb\x00c\n<b>d</b>"}, ModelFacts(words=("a b c", "<b>d</b>"))),
    ],
)
def test_facts_are_read_from_metadata(metadata: dict[str, Any], facts: ModelFacts) -> None:
    assert read_model_facts(json.dumps(metadata)) == facts


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "7", '"x"', "[" * 100_000, '{"a":' * 100_000])
def test_answer_without_metadata_has_no_facts(text: str) -> None:
    assert read_model_facts(text) == ModelFacts()


def test_demo_models_have_facts() -> None:
    found = read_model_facts(json.dumps(dict(MODELS["loras"][3].metadata)))
    assert found.words == ("ink wash painting",) and found.tags[:2] == ("ink", "mist")
    assert (found.base, found.resolution) == ("stable-diffusion-xl-v1-base", (1024, 1024))


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_KEYS = st.sampled_from(
    ["modelspec.trigger_phrase", "trained_words", "ss_tag_frequency", "ss_resolution", "modelspec.architecture"]
)


@given(st.dictionaries(_KEYS, _ANY | _ANY.map(json.dumps)))
def test_hostile_metadata_becomes_few_short_lines(metadata: dict[str, Any]) -> None:
    found = read_model_facts(json.dumps(metadata))
    for words in (found.words, found.tags):
        assert len(words) <= MOST_WORDS
        assert all(word.isprintable() and word.strip() and len(word) <= LONGEST for word in words)
    assert found.base.isprintable() and len(found.base) <= LONGEST


def test_only_the_most_frequent_of_many_tags_are_listed() -> None:
    tags = {f"tag {number}": number for number in range(1, 60_000)}
    found = read_model_facts(json.dumps({"ss_tag_frequency": json.dumps({"a": tags})}))
    assert found.tags[0] == "tag 59999" and len(found.tags) == MOST_WORDS
