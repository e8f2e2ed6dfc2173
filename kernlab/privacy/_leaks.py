"""A search of everything that a fit leaves behind for what it must not."""

import functools
import io
import pickle
import re
import tempfile
import traceback
import types
import warnings
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator

from kernlab.privacy._auditing import AuditResult
from kernlab.privacy._budget import PrivacyBudget

# Data sets of these many records, numbers that nothing public is likely to be.
_COUNTS = (1009, 1511)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def leak_audits(make, exact, records, fit=None):
    """Audits of attributes, pickles, archives, texts and errors.

    Parameters
    ----------
    make : callable
        Returns an unfitted estimator with ``n_hint`` and ``projection_seed`` given.
    exact : callable
        Of a fitted estimator and records: its integers before noise.
    records : (n, d) array
        Between whose columns' ends private records are drawn.
    fit : callable, optional
        Fits an estimator to records; by default ``estimator.fit(X)``.

    Returns
    -------
    results : list of AuditResult
    """
    fit = fit or (lambda estimator, X: estimator.fit(X))
    rng = np.random.default_rng(1)
    low, high = records.min(axis=0), records.max(axis=0)
    tables = [rng.uniform(low, high, (n, len(low))) for n in _COUNTS]
    fitted = [fit(make(), X) for X in tables]
    results = [_content_audit(fitted, tables[0], exact(fitted[0], tables[0]))]
    if fitted[0].adjacency == "add-remove":
        results.append(_count_audit(fitted))
    return [*results, _error_audit(make, tables[0], fit)]


def _content_audit(fitted, X, exact):
    """No record, no sum before noise, no noise: as bytes, as numbers, as text.

    What another estimator of the same layout and other records holds too is no secret of these.
    """
    released = np.concatenate([np.ravel(part) for part in fitted[0].statistics_])
    exact = exact[: len(released)]
    noise = released.astype(np.int64) - exact
    hidden = (exact != 0) & (noise != 0)
    exact, noise = exact[hidden], noise[hidden]
    words = _record_words(X) | _integer_words(exact) | _integer_words(noise)
    numbers = {repr(float(x)) for x in X.ravel()} | {repr(float(np.float32(x))) for x in X.ravel()}
    numbers |= {str(v) for v in [*exact.tolist(), *noise.tolist()] if abs(v) > 2**20}
    found, size = [], 0
    for each in fitted:
        blobs, texts = traces(each)
        found.append(set().union(*(_words_in(blob, words) for blob in blobs)))
        found[-1] |= numbers.intersection(_NUMBER.findall(" ".join(texts)))
        size += sum(map(len, blobs))
    kept = found[0] - found[1]
    return AuditResult("no record or sum kept", len(kept), 0.0, not kept, {"bytes": size})


def _count_audit(fitted):
    """Nothing is the exact count of records, nor of a size that depends on it."""
    leaves = [dict(walk(estimator, type(estimator).__name__)) for estimator in fitted]
    places = [p for p in leaves[0] if p in leaves[1] and _tells(leaves, p)]
    sizes = [{path: _size(value) for path, value in each.items()} for each in leaves]
    places += [p for p in sizes[0].keys() | sizes[1].keys() if sizes[0].get(p) != sizes[1].get(p)]
    texts = [set(_NUMBER.findall(" ".join(traces(estimator)[1]))) for estimator in fitted]
    if all(str(n) in text for n, text in zip(_COUNTS, texts, strict=True)):
        places.append("text")
    details = {"where": places[0]} if places else {"attributes": len(leaves[0])}
    return AuditResult("no count kept", len(places), 0.0, not places, details)


def _tells(leaves, path):
    return all(
        isinstance(each[path], int | float | Fraction | np.ndarray | np.generic)
        and np.asarray(each[path]).dtype.kind in "iufO"
        and bool(np.any(np.asarray(each[path]) == n))
        for each, n in zip(leaves, _COUNTS, strict=True)
    )


def _size(value):
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype)
    return type(value).__name__


def _error_audit(make, X, fit):
    """Errors about the structure of private data quote none of it."""
    text = np.array([[f"{x!r}" for x in row] for row in X[:40]])
    tables = {
        "object": X[:40].astype(object),
        "text": text,
        "text as object": text.astype(object),
        "complex": X[:40].astype(complex),
        "one dimension": X[:40, 0],
        "three dimensions": X[None, :40],
        "lists": [[*row, "Smith, John"] for row in X[:40].tolist()],
        "ragged": [row[: 1 + i % 2] + [0.0] * (i % 2) for i, row in enumerate(X[:40].tolist())],
    }
    secrets = {repr(float(x)) for x in X[:40].ravel()} | {"Smith, John"}
    said, silent = [], []
    for kind, table in tables.items():
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                fit(make(), table)
            except Exception as error:
                spoken = repr(error) + "".join(traceback.format_exception(error))
            else:
                spoken = ""
                silent.append(kind)
        spoken += " ".join(str(warning.message) for warning in warned)
        if any(secret in spoken for secret in secrets):
            said.append(kind)
    wrong = said + silent
    details = {"where": wrong[0]} if wrong else {"tables": len(tables)}
    return AuditResult("errors quote nothing", len(wrong), 0.0, not wrong, details)


def traces(fitted):
    """Bytes and texts that a fitted estimator leaves: pickle, arrays, archive, repr, report."""
    blobs = [pickle.dumps(fitted)]
    texts = [repr(fitted), str(fitted)]
    if hasattr(fitted, "privacy_report"):
        report = fitted.privacy_report()
        texts += [str(report), repr(report), repr(report.to_dict())]
    if hasattr(fitted, "save"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "release"
            fitted.save(path)
            with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
                blobs += [archive.read(name) for name in archive.namelist()]
    for _, leaf in walk(fitted, ""):
        if isinstance(leaf, np.ndarray):
            blobs.append(np.ascontiguousarray(leaf).tobytes())
        elif isinstance(leaf, bytes | bytearray):
            blobs.append(bytes(leaf))
        else:
            texts.append(repr(leaf))
    return blobs, texts


def walk(value, path, seen=None):
    """Paths and values of all that can be reached from ``value``: attributes, items, closures."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield path, value
        return
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType | PrivacyBudget):
        return
    if value is None or isinstance(value, bool | int | float | str | bytes | np.generic | Fraction):
        yield path, value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        children = [(f"{path}[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
        children = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    elif isinstance(value, functools.partial):
        children = [(f"{path}()", (value.func, value.args, value.keywords))]
    elif isinstance(value, types.MethodType):
        children = [(f"{path}.__self__", value.__self__)]
    elif isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        children = [(f"{path}()", (cells, value.__defaults__, value.__kwdefaults__))]
    else:
        children = [(f"{path}.{key}", item) for key, item in getattr(value, "__dict__", {}).items()]
        if isinstance(value, BaseException):
            children.append((f"{path}.__traceback__", value.__traceback__))
        if isinstance(value, types.TracebackType):
            children = [(f"{path}.frame", dict(value.tb_frame.f_locals))]
            children.append((f"{path}.next", value.tb_next))
    for where, item in children:
        # Scikit-learn's own bookkeeping holds parameters, which are walked as attributes.
        if not (isinstance(value, BaseEstimator) and where.endswith("_sklearn_output_config")):
            yield from walk(item, where, seen)


def _record_words(X):
    """Eight bytes of every value as a double, and of every two neighbours in single precision."""
    single = X.astype(np.float32)
    pairs = [np.ascontiguousarray(s).ravel() for s in (single, single.T)]
    words = [X.ravel().view(np.uint64)]
    for pair in pairs:
        stretch = np.lib.stride_tricks.sliding_window_view(pair, 2)
        words.append(np.ascontiguousarray(stretch).view(np.uint64).ravel())
    return set(np.concatenate(words).tolist())


def _integer_words(values):
    """Integers of so many significant bits that they are not met by chance."""
    values = values.astype(np.int64)
    large = values[np.abs(values // np.maximum(values & -values, 1)) > 2**20]
    words = [large, large.astype(np.float64)]
    return {int(w) for part in words for w in part.view(np.uint64)}


def _words_in(blob, words):
    """Those of the words that are among the stretches of eight bytes, at any place."""
    if len(blob) < 8:
        return set()
    found = np.lib.stride_tricks.sliding_window_view(np.frombuffer(blob, np.uint8), 8)
    return words.intersection(np.ascontiguousarray(found).view(np.uint64).ravel().tolist())
