"""The benchmark of the tree: which row a file belongs to, and what is counted of it."""

from __future__ import annotations

from benchmarks.tree import ROWS, File, Row, cells_of, files_on_disk, table_of

MODULE = '''
class Port(Protocol):
    """One."""

class Thing(Port):
    class Inner: ...

class Many(Generic[T], Protocol[T]): ...
'''
TEST = """import pytest

@pytest.mark.parametrize("a", [1])
def test_one(a):
    assert a

def helper(): ...

class TestTwo:
    async def test_two(self):
        assert True
"""


def test_protocols_and_classes_are_counted() -> None:
    found = File.of("app/core/a.py", MODULE)
    assert (found.lines, found.protocols) == (8, 2)
    assert found.classes == {"Port", "Thing", "Inner", "Many"}


def test_lines_of_tests_are_counted_with_their_decorators() -> None:
    assert File.of("tests/unit/test_a.py", TEST).in_tests == 5


def test_file_without_python_has_lines_and_words_only() -> None:
    assert File.of("docs/a.md", "# One\n\ntwo three\n") == File(lines=3, words=4)


def test_name_in_two_modules_has_several_meanings() -> None:
    one, other = File.of("wire/a.py", "class A: ...\nclass B: ..."), File.of("wire/b.py", "class A: ...")
    files, lines, median, longest, protocols, several, *_ = cells_of(ROWS[0], [one, other])
    assert (files, lines, median, longest, protocols, several) == ("2", "3", "1", "2", "0", "1")


def test_rest_of_folder_is_without_its_named_parts() -> None:
    rest = Row("rest", ("app",), without=("app/core",))
    assert rest.has("app/main.py") and not rest.has("app/core/a.py") and not rest.has("app/style.css")
    assert Row("root", (".",), (".md",)).has("README.md") and not Row("root", (".",), (".md",)).has("docs/a.md")


def test_rows_of_app_are_together_all_of_app() -> None:
    files = {name: File.of(name, text) for name, text in files_on_disk() if name.startswith("app/")}
    counts = {name: int(count.replace(",", "")) for name, count, *_ in table_of(files)}
    parts = [name for name in counts if name.startswith(("app/", "rest of app")) and "templates" not in name]
    assert sum(counts[name] for name in parts) == counts["app, gateway, wire"]
