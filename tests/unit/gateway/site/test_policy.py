"""The page's policy allows one text of speculation rules."""

from __future__ import annotations

import base64
import hashlib
import re

from gateway.site.policy import AHEAD_RULES
from tests.kit.services import ROOT


def test_policy_allows_the_rules_of_the_page() -> None:
    [rules] = re.findall(r"^const RULES = `(.+)`;$", (ROOT / "static/js/ahead.js").read_text("utf-8"), re.MULTILINE)
    digest = base64.b64encode(hashlib.sha256(rules.encode()).digest()).decode()
    assert f"'sha256-{digest}'" == AHEAD_RULES
