"""Likelihood-adjusted programmes: the optimum where it is known, and what the labels are worth."""

import warnings

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from kernlab.cluster import LikelihoodAdjustedSDP
from kernlab.cluster._low_rank_sdp import Costs, _lagrangian, memberships, solve

SHAPES = [np.diag([0.2, 3.0]), np.diag([2.0, 0.1]), np.array([[1.0, 0.8], [0.8, 1.0]])]
MEANS = [[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]]


def _shapes(seed, size=50):
    rng = np.random.default_rng(seed)
    pairs = zip(MEANS, SHAPES, strict=True)
    X = np.vstack([rng.multivariate_normal(mean, shape, size) for mean, shape in pairs])
    return X, np.repeat([0, 1, 2], size)


def _dense(costs, n):
    """The matrices of the programme, one product with the identity each."""
    return costs.times(np.broadcast_to(np.eye(n), (len(costs.constants), n, n)))


def test_costs_are_halved_distances_and_log_determinants():
    X, _ = _shapes(0, 4)
    costs = Costs(X, np.array(SHAPES), 0.0)
    for found, shape in zip(_dense(costs, 12), SHAPES, strict=True):
        apart = X[:, None] - X
        distances = np.einsum("ijd,de,ije->ij", apart, np.linalg.inv(shape), apart)
        expected = 0.5 * distances + np.log(np.linalg.det(shape))
        np.testing.assert_allclose(found, expected, atol=1e-11)


def test_objective_of_labels_is_their_likelihood():
    X, truth = _shapes(1, 5)
    costs = Costs(X, np.array(SHAPES), 0.0)
    U = (np.eye(3)[truth] / np.sqrt(5)).T[:, :, None]
    logs = [
        multivariate_normal(X[truth == k].mean(axis=0), SHAPES[k]).logpdf(X[truth == k]).sum()
        for k in range(3)
    ]
    assert costs.objective(U) == pytest.approx(-2 * sum(logs) - X.size * np.log(2 * np.pi))


def test_gradient_against_differences():
    X, _ = _shapes(2, 3)
    costs, rng = Costs(X, np.array(SHAPES), 0.1), np.random.default_rng(0)
    U, multipliers = rng.uniform(size=(3, 9, 2)), rng.normal(size=9)
    error = check_grad(
        lambda flat: _lagrangian(costs, flat.reshape(U.shape), multipliers, 3.0)[0],
        lambda flat: _lagrangian(costs, flat.reshape(U.shape), multipliers, 3.0)[1].ravel(),
        U.ravel(),
    )
    # Differences of step 1.5e-8 of values near 1e3 have errors of that times 1e-16 / 1.5e-8.
    assert error < 1e-2


def test_the_programme_finds_its_optimum_where_the_optimum_is_labels():
    # Points far apart in pairs: with equal covariances, any Z has <M/2, Z> >= 0 and the pairs have
    # the least within them, 2 · (1/2) d² / 2 = d² / 2 for a pair at the whitened distance d.
    X = np.array([[0.0, 0], [0, 1], [50, 0], [50, 1], [0, 50], [0, 51]])
    costs = Costs(X, np.array([np.eye(2)] * 3), 0.0)
    rng = np.random.default_rng(0)
    start = np.kron(np.eye(3), np.ones((2, 1))).T[:, :, None] + 0.3 * rng.uniform(size=(3, 6, 2))
    U, _, violation = solve(costs, start, np.zeros(6), tol=1e-6, max_updates=60)
    assert violation <= 1e-6
    assert costs.objective(U) == pytest.approx(3 * 0.5, abs=1e-4)
    np.testing.assert_allclose(memberships(U), np.kron(np.eye(3), np.ones(2)), atol=1e-4)
    np.testing.assert_allclose(np.sum(U**2, axis=(1, 2)), 1.0, rtol=1e-12)
    assert U.min() >= 0


def test_the_programme_finds_the_optimum_of_an_interior_point_solver():
    # -83.6492 is what Clarabel found for the semidefinite programme in full, 3 x 24 x 24 entries.
    X, _ = _shapes(0, 8)
    X = (X - X.mean(axis=0)) / X.std()
    start = KMeans(3, n_init=10, random_state=0).fit_predict(X)
    ridge = 1e-6
    shapes = [np.cov(X[start == k].T) + ridge * np.eye(2) for k in range(3)]
    costs, hard = Costs(X, np.array(shapes), ridge), np.eye(3)[start].T[:, :, None]
    assert costs.objective(hard / np.sqrt(hard.sum(axis=1, keepdims=True))) > -81
    blurred = np.repeat(hard, 2, axis=2) + 0.1 * np.random.default_rng(0).uniform(size=(3, 24, 2))
    U, _, violation = solve(costs, blurred, np.zeros(24), tol=1e-5, max_updates=100)
    assert violation <= 1e-5
    assert costs.objective(U) == pytest.approx(-83.6492, abs=1e-3)


def test_one_cluster_is_the_normal_distribution():
    X, _ = _shapes(3, 10)
    model = LikelihoodAdjustedSDP(1, reg_covar=0.0, tol=1e-6).fit(X)
    np.testing.assert_allclose(model.means_[0], X.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(model.covariances_[0], np.cov(X.T, bias=True), rtol=1e-3)
    logs = multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X).sum()
    expected = -2 * logs - X.size * np.log(2 * np.pi)
    assert model.objective_ == pytest.approx(expected, rel=1e-4)
    assert abs(model.gap_) < 1e-3 * len(X)


@pytest.fixture(scope="module")
def fitted():
    return [(LikelihoodAdjustedSDP(3, random_state=s).fit(_shapes(s)[0]), s) for s in (1, 4)]


def test_labels_beside_expectation_maximisation(fitted):
    for model, seed in fitted:
        X, truth = _shapes(seed)
        mixture = GaussianMixture(3, random_state=seed).fit_predict(X)
        # The same clusters to three samples of 150, of which each moves the index by some .02.
        ours = adjusted_rand_score(truth, model.labels_)
        assert ours > adjusted_rand_score(truth, mixture) - 0.06
        assert ours > 0.85


def test_a_random_start_of_expectation_maximisation_is_worse():
    # 1000 samples: .42 from responsibilities drawn at random, and every cluster found by ours.
    X, truth = _shapes(0, 333)
    random = GaussianMixture(3, init_params="random", random_state=0).fit_predict(X)
    model = LikelihoodAdjustedSDP(3, random_state=0, tol=1e-2).fit(X)
    ours = adjusted_rand_score(truth, model.labels_)
    assert ours > 0.93
    assert ours > adjusted_rand_score(truth, random) + 0.2


def test_attributes_agree_with_one_another(fitted):
    model, seed = fitted[0]
    X, _ = _shapes(seed)
    assert model.violation_ <= model.tol
    np.testing.assert_allclose(model.memberships_.sum(axis=1), 1.0, atol=2 * model.tol)
    np.testing.assert_array_equal(model.labels_, model.memberships_.argmax(axis=1))
    assert np.mean(model.predict(X) == model.labels_) > 0.98
    # Hard labels cost at least what their relaxation does, but for what it violates.
    assert model.gap_ > -model.tol * len(X)
    assert model.n_iter_ > 1


@pytest.mark.parametrize("max_iter", [1, 30])
def test_objective_is_the_likelihood_whatever_the_ridge(max_iter):
    X, _ = _shapes(1, 15)
    X = 1e3 * X
    model = LikelihoodAdjustedSDP(3, reg_covar=0.1, max_iter=max_iter, tol=0.01, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X)
    members = [X[model.labels_ == k] for k in range(3)]
    logs = [
        multivariate_normal(one.mean(axis=0), covariance).logpdf(one).sum()
        for one, covariance in zip(members, model.covariances_, strict=True)
    ]
    of_labels = -2 * sum(logs) - X.size * np.log(2 * np.pi)
    # An identity, to rounding; with the ridge's term it is some 50 more.
    assert model.objective_ + model.gap_ == pytest.approx(of_labels, rel=1e-9)
    # Relaxed: what the means of the memberships and of the labels differ by is in ``gap_``.
    assert abs(model.gap_) < 0.1 * len(X)


# Powers of two, which round nothing: thousands of steps make more of the last bit than 1e-6.
@pytest.mark.parametrize("scale", [2.0**-498, 2.0**-10, 2.0**498])
def test_scale_changes_nothing_but_units(scale):
    X, _ = _shapes(1, 15)
    one = LikelihoodAdjustedSDP(3, random_state=0, tol=0.01).fit(X)
    other = LikelihoodAdjustedSDP(3, random_state=0, tol=0.01).fit(scale * X)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(other.means_, scale * one.means_, rtol=1e-6)
    shift = 2 * X.size * np.log(scale)
    assert other.objective_ == pytest.approx(one.objective_ + shift, rel=1e-6)


def test_an_offset_moves_means_alone():
    X, _ = _shapes(1, 15)
    one = LikelihoodAdjustedSDP(3, random_state=0, tol=0.01).fit(X)
    other = LikelihoodAdjustedSDP(3, random_state=0, tol=0.01).fit(X + 1e9)
    # Rounding of 1e9 leaves seven digits of the data.
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(other.covariances_, one.covariances_, atol=1e-3)


def test_unfinished_work_is_warned_of():
    X, _ = _shapes(0, 15)
    with pytest.warns(ConvergenceWarning, match="add up to one within"):
        LikelihoodAdjustedSDP(3, max_updates=1, random_state=0).fit(X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LikelihoodAdjustedSDP(3, max_iter=1, tol=0.01, random_state=0).fit(X)
    assert any("max_iter=1" in str(one.message) for one in caught)


def test_bad_input():
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        LikelihoodAdjustedSDP(3).fit([[0.0], [1.0]])
    line = np.column_stack([np.arange(6.0), np.zeros(6)])
    model = LikelihoodAdjustedSDP(2, reg_covar=0.0, random_state=0)
    with pytest.raises(ValueError, match="singular at reg_covar=0"):
        model.fit(line)
    assert not hasattr(model, "n_features_in_")
    # With the ridge a constant column is no trouble, and says nothing of the clusters.
    X = np.array([0.0, 0.3, 0.5, 20.0, 20.2, 20.7])
    padded = np.column_stack([X, np.ones(6)])
    found = LikelihoodAdjustedSDP(2, random_state=0, tol=0.01).fit_predict(padded)
    assert adjusted_rand_score(found, [0, 0, 0, 1, 1, 1]) == 1.0


def test_fewer_distinct_points_than_clusters_are_refused():
    with pytest.raises(ValueError, match="2 distinct rows.*n_clusters=3; ask for at most 2"):
        LikelihoodAdjustedSDP(3, random_state=0).fit([[0.0], [1.0]] * 4)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1.7e308])
def test_scales_whose_squares_are_no_floats_are_refused(scale):
    X = scale * np.array([[1.0], [0.9], [1.0], [-1.0]])
    model = LikelihoodAdjustedSDP(2, random_state=0)
    with pytest.raises(ValueError, match="divide X by"):
        model.fit(X)
    assert not hasattr(model, "covariances_")


@pytest.mark.parametrize("scale", [2e-150, 9e150])
def test_points_are_predicted_at_the_ends_of_the_scales(scale):
    X = np.array([0.0, 0.3, 0.5, 0.6, 2.0, 2.2, 2.7])[:, None]
    X *= scale / X.std()
    model = LikelihoodAdjustedSDP(2, random_state=0, tol=0.01).fit(X)
    assert np.all(np.isfinite(model.covariances_))
    assert adjusted_rand_score(model.predict(X), [0, 0, 0, 0, 1, 1, 1]) == 1.0
