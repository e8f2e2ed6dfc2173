"""Densities on the sphere of arrays that are not NumPy's."""

import numpy as np
import pytest

from kernlab._core.namespace import namespace_of, to_numpy
from kernlab.density import DirectionalKernelDensity, VonMisesFisher, VonMisesFisherMixture


@pytest.mark.parametrize(
    "estimator",
    [
        VonMisesFisher(normalize=True),
        VonMisesFisherMixture(2, normalize=True, random_state=0, tol=1e-8, max_iter=1000),
        DirectionalKernelDensity(normalize=True),
        DirectionalKernelDensity(bandwidth=0.3, normalize=True),
    ],
    ids=repr,
)
def test_equal_to_numpy(rng, xp, estimator):
    X = rng.normal(size=(60, 3)) + np.where(np.arange(60) % 2, 3, -3)[:, None] * [1, 0, 0]
    expected = estimator.fit(X).score_samples(X)
    there = xp.asarray(X)
    result = estimator.fit(there).score_samples(there)
    assert namespace_of(result) is namespace_of(there)
    # A likeliest bandwidth is found to 1e-3, and its likelihood to the square of that.
    tolerance = 1e-4 if getattr(estimator, "bandwidth", None) == "auto" else 1e-9
    np.testing.assert_allclose(to_numpy(result), expected, rtol=tolerance, atol=tolerance)
    if isinstance(estimator, VonMisesFisherMixture):
        numpy_bic = VonMisesFisherMixture(**estimator.get_params()).fit(X).bic(X)
        assert estimator.bic(there) == pytest.approx(numpy_bic, rel=1e-9)
        assert namespace_of(estimator.predict(there)) is namespace_of(there)
        assert tuple(estimator.predict_proba(there).shape) == (60, 2)
    drawn = estimator.sample(5, random_state=0)
    drawn = drawn[0] if isinstance(drawn, tuple) else drawn
    assert namespace_of(drawn) is namespace_of(there)
    with pytest.raises(ValueError, match="fitted on arrays of"):
        estimator.score_samples(X)


@pytest.mark.parametrize("weighted", [VonMisesFisher, DirectionalKernelDensity])
def test_weights(rng, xp, weighted):
    X, weights = rng.normal(size=(40, 3)), rng.gamma(1.0, size=40)
    estimator = weighted(normalize=True)
    expected = estimator.fit(X, sample_weight=weights).score_samples(X)
    there = xp.asarray(X)
    result = estimator.fit(there, sample_weight=weights).score_samples(there)
    np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-3, atol=1e-3)
    estimator.sample(3, random_state=0)
