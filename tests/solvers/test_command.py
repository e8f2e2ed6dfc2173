"""What ``python -m solvers`` prints, writes and returns."""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import solvers
from solvers import table
from solvers.__main__ import main
from solvers.plot import plot

ROOT = Path(solvers.__file__).parent.parent


def run(capsys, *arguments):
    """Exit status, output and errors of a command line."""
    try:
        status = main(list(arguments))
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_list_has_every_problem_and_name(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    for name, problem in solvers.PROBLEMS.items():
        assert f"\n{name} " in f"\n{out}"
        assert problem.title in out
    for alias in solvers.ALIASES:
        assert f"{alias} = " in out


def test_the_list_by_tag(capsys):
    status, out, _ = run(capsys, "list", "--tag", "3d")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[::2]] == ["poisson3d", "heat2d"]
    status, _, err = run(capsys, "list", "--tag", "4d")
    assert status == 2
    assert "there is no tag '4d'; there are 1d, 2d, 3d" in err


def test_a_problem_is_solved_reported_and_drawn(capsys, tmp_path):
    path = tmp_path / "u.png"
    status, out, err = run(capsys, "u3", "--tol", "1e-9", "--plot", str(path), "--chebyshev")
    assert status == 0
    assert err == ""
    assert out.startswith("u3: u'' = f, u = sin 6x")
    lines = dict(line.split(maxsplit=1) for line in out.split("\n\n")[1].splitlines()[1:])
    assert float(lines["error"].partition(",")[0]) < 1e-8
    assert float(lines["residual"]) < 1e-6
    assert lines["converged"] == "yes"
    assert "Chebyshev collocation\n" in out
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_problem_without_an_exact_solution_says_so(capsys):
    _, out, _ = run(capsys, "bratu2d", "--tol", "1e-4")
    assert "unknown: no exact solution" in out


def test_what_does_not_converge_warns_and_returns_1(capsys):
    status, out, err = run(capsys, "chirp", "--max-points", "20")
    assert status == 1
    assert "warning: " in err
    assert "converged           no" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("advecton",), "no problem called 'advecton'; did you mean advection"),
        (("u1", "--tol", "small"), "argument --tol: invalid float value: 'small'"),
        (("u1", "--tol", "-1"), "'tol' parameter of GPPDESolver"),
        (("u1", "--method", "magic"), "'method' parameter of GPPDESolver"),
        (("u1", "--plot", "/no/such/folder/u.png"), "there is no folder /no/such/folder"),
        (("u1", "--colour"), "unrecognized arguments: --colour"),
        ((), "the following arguments are required: NAME"),
        (("table", "--map", "--quick"), "leave out --map"),
    ],
)
def test_what_cannot_be_done_is_said_and_returns_2(capsys, arguments, message):
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert message in err


def test_a_picture_of_another_format_is_refused(capsys, tmp_path):
    status, _, err = run(capsys, "u3", "--plot", str(tmp_path / "u.xyz"))
    assert status == 2
    assert "Format 'xyz' is not supported" in err


@pytest.mark.parametrize("name", ["heat", "poisson3d", "bratu2d"])
def test_pictures_in_every_dimension(name, tmp_path, monkeypatch):
    monkeypatch.setattr("solvers.plot._N_PLANE", 30)
    problem = solvers.find(name)
    shown = problem.exact or (lambda *x: np.sin(sum(x)))
    plot(problem, lambda X: shown(*X.T), tmp_path / "u.svg")
    text = (tmp_path / "u.svg").read_text()
    assert text.count("log10 |error|") == (problem.exact is not None)


def test_the_command_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "solvers", "list", "--tag", "nonlinear"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert result.stdout.splitlines()[0].split()[0] == "ac1a"


# --- The table -----------------------------------------------------------------------------------


def solution(problem, *, shift=0.0, points=(8,)):
    """Anything with the face of a fitted solver that returns the exact solution."""

    class Fitted:
        n_points_ = points
        residual_ = 1e-12
        converged_ = True

        def fit(self):
            return self

        def predict(self, X):
            return problem.exact(*X.T) * (1 + shift)

    return Fitted()


def test_a_row_has_the_error_and_the_best_time():
    problem = solvers.find("u1")
    runs = []

    def solve():
        runs.append(1)
        return solution(problem, shift=0.5)

    row, fitted = table.measure(problem, table.truth(problem), solve)
    assert len(runs) == 3
    assert row["error"] == pytest.approx(0.5)
    assert 0 < row["seconds"] < 1
    assert fitted.converged_

    def refuse():
        raise ValueError("no")

    assert table.measure(problem, table.truth(problem), refuse) == ({"refused": "no"}, None)


def test_truth_without_an_exact_solution_is_a_finer_one():
    problem = dataclasses.replace(solvers.find("bratu2d"), points=(6, 6))
    X = np.array([[0.5, 0.5]])
    truth = table.truth(problem)(X)
    assert truth == table.chebyshev(problem.pde, (24, 24)).predict(X)
    assert truth == pytest.approx(table.chebyshev(problem.pde, (16, 16)).predict(X), rel=1e-4)


def test_the_quick_check_fails_on_a_large_error(monkeypatch):
    said = []
    rows = {"u1": 1e-10, "u3": 1e-3}

    def measured(problem, exact):
        row = {"error": rows[problem.name], "seconds": 0.1, "points": [4]}
        return {**row, "converged": True}, None

    monkeypatch.setattr(table, "QUICK", dict.fromkeys(rows, 1e-9))
    monkeypatch.setattr(table, "measure_ours", measured)
    assert table.check(said.append) == 1
    assert said[0] == "u1: error 1.0e-10, 0.1 s, 4 unknowns"
    assert said[1].endswith("FAILED, the bound is 1e-09")
    rows["u3"] = 1e-10
    assert table.check(said.append) == 0


def test_the_table_needs_a_checkout(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no benchmarks/pde_table.py in .*checkout"):
        table.update(root=tmp_path)


def test_the_package_imports_kernlab_alone():
    allowed = {
        "kernlab",
        "solvers",
        "numpy",
        "scipy",
        "sklearn",
        "threadpoolctl",
        *sys.stdlib_module_names,
    }
    for path in (ROOT / "solvers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                assert name.partition(".")[0] in allowed, f"{path.name} imports {name}"
