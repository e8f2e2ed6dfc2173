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


def test_guide_pages_have_no_placeholders():
    if not GUIDE.exists():
        pytest.skip("the documentation is not beside these tests")
    pages = list(GUIDE.rglob("*.rst"))
    assert len(pages) > 30
    for page in pages:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            assert not re.fullmatch(r"\s*[A-Z][A-Z_]{2,}\s*", line), f"{page.name}:{number}: {line}"


def test_links_of_the_readme_and_entries_of_the_index_exist():
    if not GUIDE.exists():
        pytest.skip("the documentation is not beside these tests")
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    links = [link for link in links if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), f"README.md links to {link}, which is not there"

    index = (ROOT / "docs" / "index.rst").read_text(encoding="utf-8")
    entries = re.search(r"\.\. toctree::\n(?:   :.*\n)*\n((?:   \S+\n)+)", index)[1].split()
    assert len(entries) > 40
    for entry in entries:
        # The gallery is made where the documentation is built.
        if not entry.startswith("gallery/"):
            assert (ROOT / "docs" / f"{entry}.rst").exists(), f"docs/index.rst lists {entry}"
