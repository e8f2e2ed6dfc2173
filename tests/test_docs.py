"""What the documentation says of the tests is true."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "user_guide"


@pytest.mark.parametrize("page", ["density/comparison.rst", "privacy/guarantees.rst"])
def test_every_claim_names_a_test_that_exists(page):
    if not GUIDE.exists():
        pytest.skip("the documentation is not beside these tests")
    links = re.findall(
        r":download:`(\w+) <\.\./\.\./\.\./(tests/[\w/]+\.py)>`", (GUIDE / page).read_text()
    )
    assert len(links) > 20
    for name, file in links:
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{file} has no {name}"
