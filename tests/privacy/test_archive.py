"""Releases on disk: the release as it was made, whole, and nothing that is none."""

import functools
import json

import numpy as np
import pytest

from kernlab.privacy import (
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateSimilarityClassifier,
)

DISTANCE = functools.partial(PrivateDistanceSum, bounds=(0, 1), epsilon=1, noise="builtin")
KERNEL = {"bandwidth": 0.5, "n_features": 8, "epsilon": 1, "noise": "builtin"}
DENSITY = functools.partial(PrivateKernelDensity, **KERNEL)
CLASSIFIER = functools.partial(PrivateSimilarityClassifier, **KERNEL)


@pytest.fixture
def X(rng):
    return rng.random((37, 2))


def test_parameters_set_after_a_fit_change_neither_report_nor_archive_nor_density(X, tmp_path):
    """They are for a later fit: the guarantee stated is that of the release at hand."""
    fitted = DENSITY(projection_seed=0).fit(X)
    report, density = str(fitted.privacy_report()), fitted.score_samples(X)
    fitted.set_params(bandwidth=3.0, adjacency="replace", epsilon="1/100", noise="opendp")
    assert str(fitted.privacy_report()) == report
    np.testing.assert_array_equal(fitted.score_samples(X), density)
    fitted.save(tmp_path / "release")
    loaded = PrivateKernelDensity.load(tmp_path / "release")
    assert loaded.bandwidth == 0.5
    assert str(loaded.privacy_report()) == report
    bounds = [[0.0, 0.0], [1.0, 1.0]]
    boxed = DISTANCE(bounds=bounds).fit(X)
    report = str(boxed.privacy_report())
    bounds[1][0] = 2.0
    assert str(boxed.privacy_report()) == report


def test_any_array_like_parameter_can_be_saved_and_reported(X, tmp_path):
    pandas = pytest.importorskip("pandas")
    ends = pandas.Series([0.0, 0.0]), pandas.Series([1.0, 1.0])
    for fitted in (
        DISTANCE(bounds=ends).fit(X),
        CLASSIFIER(classes=range(2)).fit(X, np.arange(37) % 2),
        CLASSIFIER(classes=pandas.Series(["a", "b"])).fit(X, ["a"] * 37),
    ):
        fitted.save(tmp_path / "release")
        loaded = type(fitted).load(tmp_path / "release")
        np.testing.assert_array_equal(loaded.query(X), fitted.query(X))
        assert json.loads(json.dumps(loaded.privacy_report().to_dict())) == (
            json.loads(json.dumps(fitted.privacy_report().to_dict()))
        )


def test_files_that_are_no_release_are_refused_by_name(X, tmp_path):
    np.save(tmp_path / "array.npy", X)
    np.savez(tmp_path / "other.npz", X=X)
    np.savez(tmp_path / "number.npz", release=np.array("3"))
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("release")
    whole = tmp_path / "whole.npz"
    DISTANCE().fit(X).save(whole)
    (tmp_path / "half.npz").write_bytes(whole.read_bytes()[:200])
    for name in ("array.npy", "other.npz", "number.npz", "empty", "text", "half.npz"):
        with pytest.raises(ValueError, match=f"{name}' is no release"):
            PrivateDistanceSum.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        PrivateDistanceSum.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="no existing folder"):
        DISTANCE().fit(X).save(tmp_path / "nowhere" / "release")


def test_files_set_results_of_fits_alone(X, tmp_path):
    """A file that would put something else in the place of a method is refused."""
    DISTANCE().fit(X).save(tmp_path / "release")
    with np.load(tmp_path / "release") as file:
        arrays = dict(file)
    content = json.loads(str(arrays.pop("release")))
    for name in ("query", "_design", "noise"):
        content["fitted"][name] = 1
        np.savez(tmp_path / "forged.npz", release=np.array(json.dumps(content)), **arrays)
        with pytest.raises(ValueError, match=f"sets '{name}', which is no result of a fit"):
            PrivateDistanceSum.load(tmp_path / "forged.npz")
        del content["fitted"][name]
