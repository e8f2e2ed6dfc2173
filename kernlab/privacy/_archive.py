"""Releases on disk: arrays and JSON, no pickle, written whole or not at all."""

import importlib
import json
import os
import tempfile
import zipfile
import zlib
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

FORMAT = 1
_ROOM = "kernlab.privacy."
# What reading another kind of file, or a damaged one, may raise: a single array in the place of
# an archive has no keys, and an empty file no end.
_NO_RELEASE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


def public_parameters(estimator):
    """Parameters that tell of a release: all but the budget."""
    parameters = estimator.get_params(deep=False)
    parameters.pop("budget", None)
    return parameters


def _encode(value, arrays):
    """A JSON tree of ``value``; its arrays go to ``arrays``, and the tree names them."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Fraction):
        return {"fraction": str(value)}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"objects": [_encode(item, arrays) for item in value.tolist()]}
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_encode(item, arrays) for item in value]}
    if is_dataclass(value):
        kind = f"{type(value).__module__.removeprefix(_ROOM)}:{type(value).__name__}"
        content = {f.name: _encode(getattr(value, f.name), arrays) for f in fields(value) if f.init}
        return {"object": kind, "fields": content}
    if hasattr(value, "__array__"):
        # A column of a data frame, or an array of another library.
        return _encode(np.asarray(value), arrays)
    raise TypeError(f"cannot save a parameter of type {type(value).__name__}: {value!r}")


def _decode(tree, arrays):
    if not isinstance(tree, dict):
        return tree
    if "fraction" in tree:
        return Fraction(tree["fraction"])
    if "array" in tree:
        return arrays[tree["array"]]
    if "objects" in tree:
        return np.array([_decode(item, arrays) for item in tree["objects"]], dtype=object)
    if "list" in tree:
        return [_decode(item, arrays) for item in tree["list"]]
    if "tuple" in tree:
        return tuple(_decode(item, arrays) for item in tree["tuple"])
    module, name = tree["object"].split(":")
    if not module.isidentifier():
        raise ValueError(f"the file names {tree['object']!r}, which is no part of a release.")
    kind = getattr(importlib.import_module(_ROOM + module), name)
    if not isinstance(kind, type) or not is_dataclass(kind):
        raise ValueError(f"the file names {tree['object']!r}, which is no part of a release.")
    return kind(**{key: _decode(item, arrays) for key, item in tree["fields"].items()})


def write_archive(estimator, path):
    """Save a fitted private estimator's release; see ``PrivateSum.save``."""
    parameters = estimator._terms_of_release
    arrays: dict[str, np.ndarray] = {}
    fitted = {key: value for key, value in vars(estimator).items() if key.endswith("_")}
    content = {
        "format": FORMAT,
        "estimator": type(estimator).__name__,
        "parameters": {key: _encode(value, arrays) for key, value in parameters.items()},
        "fitted": {key: _encode(value, arrays) for key, value in fitted.items()},
        "design": _encode(estimator._design, arrays),
    }
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r} lies in no existing folder; make it first.")
    # In a folder of its own beside the target, so that the file gets the usual permissions.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as folder:
        part = Path(folder, "release.npz")
        np.savez_compressed(part, release=np.array(json.dumps(content)), **arrays)  # type: ignore[arg-type]
        os.replace(part, path)


def read_archive(cls, path):
    """Load what :func:`write_archive` saved of an estimator of type ``cls``."""
    try:
        # NumPy leaves a file open that it opened itself and found to be damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
            content = json.loads(str(arrays.pop("release")))
            name, version = content["estimator"], content["format"]
    except _NO_RELEASE as error:
        raise ValueError(f"{str(path)!r} is no release written by save().") from error
    if name != cls.__name__:
        raise ValueError(f"{str(path)!r} holds a release of {name}; load it with {name}.load.")
    if version != FORMAT:
        raise ValueError(
            f"{str(path)!r} is of format {version}, and this version of kernlab reads "
            f"format {FORMAT}; read it with the version that wrote it."
        )
    decoded = {key: _decode(tree, arrays) for key, tree in content["parameters"].items()}
    estimator = cls(**decoded)
    for key, tree in content["fitted"].items():
        if not key.endswith("_") or key.startswith("_") or hasattr(cls, key):
            raise ValueError(f"{str(path)!r} sets {key!r}, which is no result of a fit.")
        setattr(estimator, key, _decode(tree, arrays))
    estimator._restore(_decode(content["design"], arrays))
    return estimator
