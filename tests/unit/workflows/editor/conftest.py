"""A converter that knows the classes of the recorded cases."""

from __future__ import annotations

import pytest

from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from tests.editor.classes import CLASSES


@pytest.fixture(scope="module")
def converter() -> Converter:
    return Converter(Catalogue.parse(CLASSES))
