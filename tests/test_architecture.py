"""The layers hold: imports run downwards, and importing the package costs next to nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kernlab

ROOT = Path(kernlab.__file__).parent
LAYERS = {
    "exceptions": 0,
    "_core": 0,
    "special": 1,
    "linalg": 1,
    "kernels": 2,
    "graph": 2,
    "density": 3,
    "privacy": 3,
    "gp": 3,
    "pde": 3,
    "embedding": 3,
    "cluster": 3,
    "datasets": 4,
    "dask": 4,
}
# The one import between siblings that the architecture permits.
PERMITTED = {("pde", "gp"), ("_core", "exceptions")}


def _room(dotted):
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "kernlab" else None


def _imports(path):
    """Rooms of kernlab that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it out"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from filter(None, map(_room, names))


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_imports_run_downwards(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room in ("__init__", "warmup"):
        return
    assert room in LAYERS, f"{room} has no layer; give it one here and in the architecture"
    for target in _imports(path):
        if target == room or (room, target) in PERMITTED:
            continue
        assert LAYERS[target] < LAYERS[room], f"{path.name} ({room}) imports {target}"


def _modules_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_importing_the_package_pulls_in_nothing_heavy():
    heavy = {"numpy", "scipy", "sklearn", "numba", "torch", "matplotlib", "pandas"}
    assert not heavy & _modules_after("import kernlab")


def test_importing_density_leaves_optional_libraries_alone():
    assert not {"torch", "matplotlib", "cupy", "tqdm"} & _modules_after("import kernlab.density")


def test_importing_privacy_leaves_its_suppliers_alone():
    modules = _modules_after("import kernlab.privacy, kernlab.privacy._noise")
    assert not {"opendp", "dp_accounting", "torch", "matplotlib"} & modules


def test_public_modules_are_reachable_and_listed():
    for name in kernlab._MODULES:
        assert name in dir(kernlab)
        assert getattr(kernlab, name).__name__ == f"kernlab.{name}"
    with pytest.raises(AttributeError, match="no attribute 'densty'"):
        _ = kernlab.densty
