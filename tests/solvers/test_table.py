"""The table is written whole, resumed and rendered; this needs the checkout's ``benchmarks``."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import solvers
from solvers import table

ROOT = Path(solvers.__file__).parent.parent


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the parts of the repository that the table is made of and written to."""
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks", ignore=lambda *_: {"results"})
    (tmp_path / "benchmarks" / "results").mkdir()
    (tmp_path / "docs" / "benchmarks").mkdir(parents=True)

    def measured(problem, exact):
        row = {"error": 2e-12, "seconds": 0.01, "points": [9] * len(problem.points)}
        return {**row, "residual": 1e-11, "converged": problem.name != "chirp"}, None

    monkeypatch.setattr(table, "measure_ours", measured)
    monkeypatch.setattr(table, "N_DIFFERENCES", 4000)
    return tmp_path


def results_of(checkout):
    return json.loads((checkout / "benchmarks" / "results" / "pde.json").read_text())


def test_rows_are_measured_written_and_rendered(checkout):
    said = []
    names = ("u1", "chirp", "heat")
    table.update(say=said.append, root=checkout, names=names)
    rows = {row["problem"]: row for row in results_of(checkout)["rows"]}
    assert tuple(rows) == names
    assert rows["u1"]["paper"]["GM"] == [4e-7, 1329.0]
    # Nine points cannot hold a hundred waves.
    assert rows["u1"]["chebyshev_same"]["error"] > 1
    assert rows["u1"]["chebyshev"]["error"] < 1e-9
    assert rows["u1"]["differences_many"]["error"] < 1e-2
    assert "differences" not in rows["heat"]
    assert said[0] == "u1: error 2.0e-12, 0.01 s, 9 unknowns"
    page = (checkout / "docs" / "benchmarks" / "pde.rst").read_text()
    assert "   * - u1\n     - 4.0e-07 (1,329 s)\n" in page
    assert "2.0e-12, not converged" in page
    assert "     - 9 × 9\n" in page


def test_rows_of_map_are_saved_as_they_are_done_and_resumed(checkout, monkeypatch):
    rows = [(name, kernel) for name in ("u1", "u3") for kernel in ("GM", "StM")]
    monkeypatch.setattr(table, "map_rows", lambda: iter(rows))
    measured = []

    def row(name, kernel):
        measured.append((name, kernel))
        if len(measured) == 3:
            raise KeyboardInterrupt
        return {"problem": name, "kernel": kernel, "error": 1e-8, "seconds": 2.0, "points": [40],
                "converged": True, "components": [30], "pruned": [28]}  # fmt: skip

    monkeypatch.setattr(table, "measure_map", row)
    with pytest.raises(KeyboardInterrupt):
        table.update(by_map=True, root=checkout)
    assert len(results_of(checkout)["map"]) == 2
    table.update(by_map=True, root=checkout)
    assert measured == [("u1", "GM"), ("u1", "StM"), ("u3", "GM"), ("u3", "GM"), ("u3", "StM")]
    # Nothing is left to do, and the other rows leave those of map alone.
    table.update(by_map=True, root=checkout)
    assert len(measured) == 5
    table.update(root=checkout, names=("u1",))
    assert len(results_of(checkout)["map"]) == 4
    page = (checkout / "docs" / "benchmarks" / "pde.rst").read_text()
    assert (
        "- 1.0e-08\n     - 2\n     - 40\n     - yes\n     - 28 of 30\n     - 4.0e-07 (1,329 s)"
        in page
    )


def test_a_row_of_map_says_what_was_pruned(monkeypatch):
    given = {}

    def measured(problem, exact, *, repeats, **options):
        given.update(options, repeats=repeats)
        fitted = SimpleNamespace(weights_=[np.array([1e-9, 2.0, 1.0]), np.array([1e-5, 1.0])])
        return {"error": 1e-8}, fitted

    monkeypatch.setattr(table, "measure_ours", measured)
    row = table.measure_map("u7", "StM, trend")
    assert row["components"] == [3, 2]
    assert row["pruned"] == [1, 0]
    assert given == {
        "method": "map", "kernel": "student-t", "trend": "matern52", "repeats": 1,
    }  # fmt: skip


def test_map_rows_are_the_papers():
    rows = list(table.map_rows())
    assert ("u1", "SE") in rows
    assert ("u5", "StM, trend") in rows
    assert ("u1", "GM, trend") not in rows
    assert [kernel for name, kernel in rows if name == "u7"] == ["GM"]
    assert {name for name, _ in rows} == {n for n, p in solvers.PROBLEMS.items() if p.paper}
