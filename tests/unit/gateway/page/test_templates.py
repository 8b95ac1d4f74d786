"""The page's templates: what they compile to, what is refused, and when they are compiled."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from markupsafe import Markup

from gateway.page import templates
from gateway.page.template_compiler import TemplateError, compile_template

HEAD = "{# name: str\n items: tuple[str, ...]\n count: int | None\n #}"


def compiled(text: str) -> ModuleType:
    """Return the module that a template becomes."""
    module = ModuleType("compiled")
    exec(compile_template(HEAD + text, "app/ui/x.html"), module.__dict__)
    return module


def drawn(body: str, *values: object, parameters: str = "name") -> str:
    """Return the markup of a macro with that body."""
    made = compiled(f"{{% macro one({parameters}) %}}{body}{{% endmacro %}}").one(*values)
    assert isinstance(made, Markup)
    return str(made)


@pytest.mark.parametrize(
    ("body", "value", "expected"),
    [
        ("<p>{{ name }}</p>", "<b> & \"'", "<p>&lt;b&gt; &amp; &#34;&#39;</p>"),
        ("{{ name }}", Markup("<b>"), "<b>"),
        ('<p class="a{{ " b" if name }}">', "x", '<p class="a b">'),
        ('<p class="a{{ " b" if name }}">', "", '<p class="a">'),
        ("{{ '<' if name else '>' }}{{ name if name else '' }}", "&", "&lt;&amp;"),
        ("{{ '<' if name else '>' }}{{ name if name else '' }}", "", "&gt;"),
        ("{% if name == 'x' %}1{% elif name %}2{% else %}3{% endif %}", "y", "2"),
        ("{% if not name or name|length > 1 %}1{% endif %}", "y", ""),
        ("{% set other = name + '!' %}{{ other }}", "y", "y!"),
        ("{% set other %}<i>{{ name }}</i>{% endset %}{{ other }}{{ other }}", "<", "<i>&lt;</i><i>&lt;</i>"),
        ("{{ name.upper()[:1] }}", "abc", "A"),
    ],
)
def test_template_draws(body: str, value: str, expected: str) -> None:
    assert drawn(body, value) == expected


def test_loop_filters_and_names_each_item() -> None:
    body = "{% for item in items if item %}<li>{{ item }}</li>{% endfor %}"
    assert drawn(body, ("a", "", "<"), parameters="items") == "<li>a</li><li>&lt;</li>"


def test_none_is_compared_by_identity() -> None:
    body = "{% if count is none %}none{% else %}{{ count }}{% endif %}"
    assert (drawn(body, None, parameters="count"), drawn(body, 0, parameters="count")) == ("none", "0")


def test_macros_call_each_other_and_wrap_content() -> None:
    module = compiled(
        '{% macro box(class="", big=false) %}<p class="{{ class }}"{{ " big" if big }}>{{ caller() }}</p>{% endmacro %}'
        "{% macro one(name) %}{% call box(class=name, big=true) %}<i>{{ name }}</i>{% endcall %}{% endmacro %}"
    )
    assert module.one("<") == '<p class="&lt;" big><i>&lt;</i></p>'


def test_further_arguments_are_data_attributes() -> None:
    text = '{% from "app/ui/kit/markup.py" import data %}{% macro one() %}<b{{ data(kwargs) }}>{% endmacro %}'
    assert compiled(text).one(prompt_id='"') == '<b data-prompt-id="&#34;">'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("\n  <p>\n    a b {{ name }}\n  </p>\n", "<p>a b x</p>"),
        ('<p class="a"\n   id="b">', '<p class="a" id="b">'),
        ('<p\n  {% if name %}hidden{% endif %}\n  id="b">', '<p hidden id="b">'),
        ('<p title="a >\n b">', '<p title="a >\n b">'),
        ("<b>{{ name }}</b> <i></i>", "<b>x</b> <i></i>"),
    ],
)
def test_line_breaks_between_tags_are_no_space(body: str, expected: str) -> None:
    assert drawn(body, "x") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% macro one() %}\n{{ nothing }}{% endmacro %}", "app/ui/x.html:5: nothing is called nothing"),
        ("{% macro one() %}{% for a in b %}{% endfor %}{% endmacro %}", "nothing is called b"),
        ("{% macro one(other) %}{% endmacro %}", "the comment at the top has no type for other"),
        ("{% macro one() %}{{ 1|safe }}{% endmacro %}", "templates have no filter safe"),
        ("{% macro one() %}{% include 'a.html' %}{% endmacro %}", "templates have no Include"),
        ("{% macro one() %}{% if %}{% endmacro %}", "app/ui/x.html:4: "),
        ("<p>", "only imports and macros stand outside of a macro"),
        ('{% from "a.txt" import b %}', "a.txt is neither a template nor Python"),
    ],
)
def test_mistake_names_its_line(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compiled(text)
    assert message in str(caught.value)


def test_types_reach_the_type_checker() -> None:
    head = "{#\ncards: collections.abc.Iterable[app.ui.runs.state.CardView]\n#}"
    source = compile_template(head + "{% macro one(cards, _, size=3) %}{% endmacro %}", "app/ui/x.html")
    assert "from app.ui.runs.state import CardView\n" in source
    assert "def one(cards: Iterable[CardView], _: Translator, size: int = 3) -> Markup:" in source


def test_changed_template_is_compiled_and_orphan_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "app" / "ui" / "one"
    folder.mkdir(parents=True)
    template, made = folder / "a.html", folder / "a_html.py"
    template.write_text("{% macro a() %}1{% endmacro %}")
    templates.update(tmp_path)
    assert templates.stale(tmp_path) == [] and "'1'" in made.read_text()
    template.write_text("{% macro a() %}2{% endmacro %}")
    later = made.stat().st_mtime_ns + 1_000_000
    os.utime(template, ns=(later, later))
    assert templates.stale(tmp_path) == [template]
    templates.update(tmp_path)
    assert "'2'" in made.read_text()
    template.unlink()
    templates.update(tmp_path)
    assert list(folder.iterdir()) == []


def test_nothing_to_compile_needs_no_jinja(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-up checks templates with a Python that may have none."""
    monkeypatch.setitem(sys.modules, "gateway.page.template_compiler", None)
    templates.update(tmp_path)
