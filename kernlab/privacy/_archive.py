"""Releases on disk: arrays and JSON, no pickle, written whole or not at all."""

import importlib
import json
import os
import tempfile
import zipfile
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

FORMAT = 1
_ROOM = "kernlab.privacy."


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
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_encode(item, arrays) for item in value]}
    if is_dataclass(value):
        kind = f"{type(value).__module__.removeprefix(_ROOM)}:{type(value).__name__}"
        content = {f.name: _encode(getattr(value, f.name), arrays) for f in fields(value) if f.init}
        return {"object": kind, "fields": content}
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
    parameters = estimator.get_params(deep=False)
    parameters.pop("budget", None)
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
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez_compressed(file, release=np.array(json.dumps(content)), **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_archive(cls, path):
    """Load what :func:`write_archive` saved of an estimator of type ``cls``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
            content = json.loads(str(arrays.pop("release")))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} is no release written by save().") from error
    if content["estimator"] != cls.__name__:
        raise ValueError(
            f"{str(path)!r} holds a release of {content['estimator']}; load it with "
            f"{content['estimator']}.load."
        )
    if content["format"] != FORMAT:
        raise ValueError(
            f"{str(path)!r} is of format {content['format']}, and this version of kernlab reads "
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
