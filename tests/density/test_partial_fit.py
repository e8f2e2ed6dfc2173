"""Streaming fits equal fits of all rows at once."""

import numpy as np
import pytest
from sklearn.base import clone

from kernlab._core.namespace import to_numpy
from kernlab.density import KernelDensity
from kernlab.exceptions import SingularCovarianceError


@pytest.mark.parametrize("bandwidth", [0.4, "scott"])
def test_equals_one_fit_of_all_rows(rng, bandwidth):
    X, Y = rng.normal(size=(300, 2)), rng.normal(size=(9, 2))
    weights = rng.gamma(1.0, size=300)
    kde = KernelDensity(bandwidth=bandwidth)
    whole = clone(kde).fit(X, sample_weight=weights)
    for start, stop in ((0, 50), (50, 60), (60, 300)):
        kde.partial_fit(X[start:stop], sample_weight=weights[start:stop])
    np.testing.assert_array_equal(kde.score_samples(Y), whole.score_samples(Y))
    np.testing.assert_array_equal(kde.bandwidth_matrix_, whole.bandwidth_matrix_)
    assert kde.n_eff_ == whole.n_eff_


def test_goes_on_from_a_fit_and_without_weights_counts_one(rng):
    X, Y = rng.normal(size=(60, 2)) + 1e3, rng.normal(size=(9, 2)) + 1e3
    weights = np.concatenate([rng.gamma(1.0, size=40), np.ones(20)])
    whole = KernelDensity(bandwidth=0.4).fit(X, sample_weight=weights)
    kde = KernelDensity(bandwidth=0.4).fit(X[:40], sample_weight=weights[:40]).partial_fit(X[40:])
    np.testing.assert_allclose(kde.score_samples(Y), whole.score_samples(Y), rtol=1e-11)
    # A new fit begins anew.
    kde.fit(X[:5])
    assert kde.n_eff_ == 5
    assert kde.partial_fit(X[:7]).n_eff_ == 12


def test_later_changes_of_a_batch_do_not_reach_the_fit(rng):
    batch = rng.normal(size=(20, 1))
    kde = KernelDensity(bandwidth=0.4).partial_fit(batch)
    batch[:] = 1e6
    kde.partial_fit([[0.0]])
    assert kde.marginal(0).sample(200, random_state=0).max() < 100


def test_a_bad_batch_leaves_the_estimator_as_it_was(rng):
    kde = KernelDensity().partial_fit(rng.normal(size=(20, 2)))
    before = kde.score_samples([[0.0, 0.0]])
    for bad in ([[np.nan, 0.0]], [[0.0]], [["a", "b"]]):
        with pytest.raises(ValueError, match=r"NaN|1 features|not numbers"):
            kde.partial_fit(bad)
    np.testing.assert_array_equal(kde.score_samples([[0.0, 0.0]]), before)
    assert kde.partial_fit([[0.0, 0.0]]).n_eff_ == 21
    fresh = KernelDensity()
    with pytest.raises(SingularCovarianceError):
        fresh.partial_fit(np.zeros((5, 2)))
    assert not hasattr(fresh, "n_features_in_")


def test_batches_of_other_libraries(xp, rng):
    X = rng.normal(size=(30, 2))
    kde = (
        KernelDensity(bandwidth=0.5)
        .partial_fit(xp.asarray(X[:10]))
        .partial_fit(xp.asarray(X[10:]), sample_weight=xp.ones(20))
    )
    expected = KernelDensity(bandwidth=0.5).fit(X).score_samples(X)
    np.testing.assert_allclose(to_numpy(kde.score_samples(xp.asarray(X))), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="fitted on arrays of .* and X is of"):
        kde.partial_fit(X)
