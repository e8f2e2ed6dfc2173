"""Densities on the sphere: von Mises-Fisher, its mixture, and kernel density estimation."""

import pickle

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from kernlab.density import (
    DirectionalKernelDensity,
    VonMisesFisher,
    VonMisesFisherMixture,
    vmf_kappa,
)


def mp_ratio(p, kappa):
    """A_p(κ) by its continued fraction, taken backwards, in mpmath.

    Each step shrinks the error of the start (the bound of Amos) by the square of a ratio that is
    below A_p(κ), so 30/(1 - A_p) steps leave less than 1e-26 of it.
    """
    order, kappa = mpmath.mpf(p) / 2, mpmath.mpf(kappa)
    above = kappa / (order + mpmath.hypot(order, kappa))
    steps = int(30 / (1 - above)) + 40
    ratio = kappa / (order + steps + mpmath.hypot(order + steps, kappa))
    for k in range(steps, 0, -1):
        ratio = kappa / (2 * (order - 1 + k) + kappa * ratio)
    return ratio


def mp_kappa(p, r_bar, start):
    """A_p(κ) = R̄ solved by a Newton step in 30 digits from a value that is nearly right."""
    with mpmath.workdps(30):
        kappa, r_bar = mpmath.mpf(float(start)), mpmath.mpf(float(r_bar))
        ratio = mp_ratio(p, kappa)
        return kappa - (ratio - r_bar) / (1 - ratio**2 - (p - 1) / kappa * ratio)


def unit(rng, *shape):
    return normalize(rng.normal(size=shape))


@pytest.fixture(scope="module")
def features():
    """Digits behind 2048 random rectified features, of unit length."""
    X = load_digits().data / 16
    rng = np.random.default_rng(0)
    return normalize(np.maximum(X @ rng.normal(size=(64, 2048)), 0))


# --- Concentration -------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [2, 3, 10, 2048, 8192, 32768])
@pytest.mark.parametrize("r_bar", [1e-6, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_kappa_against_mpmath(p, r_bar):
    kappa = vmf_kappa(p, r_bar)
    exact = mp_kappa(p, r_bar, kappa)
    # A rounding of R̄ by half an ulp moves κ by 1e-16/(1 - R̄).
    assert abs(float(kappa / exact - 1)) <= 1e-13 + 1e-16 / (1 - r_bar)


def test_kappa_is_elementary_on_the_ordinary_sphere():
    # A_3(κ) = coth κ - 1/κ
    kappa = np.geomspace(0.1, 1e4, 50)
    r_bar = 1 / np.tanh(kappa) - 1 / kappa
    # coth κ - 1/κ cancels at small κ, and 1 - R̄ at large.
    conditioning = 1e-15 / (kappa * r_bar) + 1e-15 * kappa
    assert np.all(np.abs(vmf_kappa(3, r_bar) / kappa - 1) <= 1e-13 + conditioning)


def test_kappa_at_the_ends_and_shapes():
    np.testing.assert_equal(vmf_kappa(5, [0.0, 1.0]), [0.0, np.inf])
    assert vmf_kappa(np.array([[2], [3]]), [0.1, 0.2, 0.3]).shape == (2, 3)
    # A_p(κ) = κ/p + O(κ³)
    assert vmf_kappa(7, 1e-200) == pytest.approx(7e-200, rel=1e-13)
    for p in (2, 3, 4096):
        # 1 - A_p(κ) = (p-1)/(2κ) + O(κ⁻²)
        assert vmf_kappa(p, 1 - 2.0**-40) == pytest.approx((p - 1) * 2.0**39, rel=1e-8)


@pytest.mark.parametrize(
    ("p", "r_bar", "message"),
    [
        (1, 0.5, "p=1.0 is not a finite number at least 2"),
        (np.nan, 0.5, "p=nan"),
        (3, -0.1, "r_bar=-0.1 is not a finite number between 0 and 1"),
        (3, [0.5, 1.5], "r_bar=1.5"),
        (3, np.nan, "r_bar=nan"),
    ],
)
def test_kappa_of_bad_input(p, r_bar, message):
    with pytest.raises(ValueError, match=message):
        vmf_kappa(p, r_bar)


# --- Von Mises-Fisher ----------------------------------------------------------------------------


@pytest.mark.parametrize("p", [2, 3, 10])
def test_equals_scipy_in_few_dimensions(rng, p):
    theirs = stats.vonmises_fisher(unit(rng, 1, p)[0], 5.0)
    X = theirs.rvs(500, random_state=rng)
    ours = VonMisesFisher().fit(X)
    direction, kappa = stats.vonmises_fisher.fit(X)
    np.testing.assert_allclose(ours.mean_direction_, direction, rtol=1e-12, atol=1e-15)
    assert ours.kappa_ == pytest.approx(kappa, rel=1e-6)  # to SciPy's tolerance
    fitted = stats.vonmises_fisher(ours.mean_direction_, ours.kappa_)
    np.testing.assert_allclose(ours.score_samples(X), fitted.logpdf(X), rtol=1e-11, atol=1e-11)
    assert ours.score(X) == pytest.approx(fitted.logpdf(X).sum(), rel=1e-11)
    assert ours.entropy() == pytest.approx(fitted.entropy(), rel=1e-11)


def test_real_features_in_2048_dimensions(features):
    vmf = VonMisesFisher().fit(features)
    r_bar = np.linalg.norm(features.mean(axis=0))
    exact = mp_kappa(2048, r_bar, vmf.kappa_)
    # R̄ of the rows is itself rounded by 1e-16·√n at most, magnified by 1/(1 - R̄) < 10.
    assert abs(float(vmf.kappa_ / exact - 1)) <= 1e-12
    with mpmath.workdps(40):
        order, kappa = mpmath.mpf(1023), mpmath.mpf(vmf.kappa_)
        log_bessel = mpmath.log(mpmath.besseli(order, kappa, maxterms=10**6))
        constant = order * mpmath.log(kappa) - 1024 * mpmath.log(2 * mpmath.pi) - log_bessel
    expected = float(constant) + vmf.kappa_ * (features[:5] @ vmf.mean_direction_)
    np.testing.assert_allclose(vmf.score_samples(features[:5]), expected, rtol=1e-12)


def test_weights_repeat_rows(rng):
    X = unit(rng, 50, 4) + np.eye(4)[0]
    counts = rng.integers(0, 4, 50)
    weighted = VonMisesFisher(normalize=True).fit(X, sample_weight=counts * 1e200)
    repeated = VonMisesFisher(normalize=True).fit(np.repeat(X, counts, axis=0))
    assert weighted.kappa_ == pytest.approx(repeated.kappa_, rel=1e-12)
    np.testing.assert_allclose(weighted.mean_direction_, repeated.mean_direction_, atol=1e-14)


@pytest.mark.parametrize(("p", "kappa"), [(2, 0.5), (3, 30.0), (3, 1e9), (2048, 900.0)])
def test_sample_has_the_mean_it_should(p, kappa):
    n = 4000
    vmf = VonMisesFisher()
    vmf.n_features_in_, vmf.kappa_ = p, kappa
    vmf.mean_direction_ = unit(np.random.default_rng(1), 1, p)[0]
    X = vmf.sample(n, random_state=0)
    np.testing.assert_allclose(np.sum(X**2, axis=1), 1.0, rtol=1e-12)
    gap = np.sum((X - vmf.mean_direction_) ** 2, axis=1) / 2  # 1 - cosine
    with mpmath.workdps(40):
        elementary = 1 / mpmath.tanh(kappa) - 1 / mpmath.mpf(kappa)
        ratio = elementary if p == 3 else mp_ratio(p, kappa)
        mean, slope = float(1 - ratio), float(1 - ratio**2 - (p - 1) / mpmath.mpf(kappa) * ratio)
    # The cosine has mean A_p and variance A_p'; five standard errors.
    assert abs(gap.mean() - mean) <= 5 * np.sqrt(slope / n)
    # Across the mean direction nothing is preferred: the mean of a tangent coordinate has variance
    # (1 - E cos²)/((p-1) n).
    across = np.eye(p)[0] - vmf.mean_direction_[0] * vmf.mean_direction_
    across /= np.linalg.norm(across)
    spread = (1 - (slope + float(ratio) ** 2)) / (p - 1)
    assert abs((X @ across).mean()) <= 5 * np.sqrt(spread / n)
    assert (X @ across).var() == pytest.approx(spread, rel=5 * np.sqrt(2 / n) * 2)


def test_scale_free_and_offset_free(rng):
    X = rng.normal(size=(40, 5)) + 1
    reference = VonMisesFisher(normalize=True).fit(X)
    for scale in (1e-150, 1e150):
        scaled = VonMisesFisher(normalize=True).fit(X * scale)
        assert scaled.kappa_ == pytest.approx(reference.kappa_, rel=1e-12)
    # Rows within 1e-9 of each other: κ = (p-1)/(2(1 - R̄)) keeps its digits.
    near = normalize(np.eye(5)[0] + 1e-9 * X)
    with mpmath.workdps(40):
        rows = [[mpmath.mpf(a) for a in row] for row in near]
        rows = [[a / mpmath.sqrt(sum(b * b for b in row)) for a in row] for row in rows]
        mean = [sum(column) / 40 for column in zip(*rows, strict=True)]
        gap = float(1 - mpmath.sqrt(sum(a * a for a in mean)))
    assert VonMisesFisher().fit(near).kappa_ == pytest.approx(2 / gap, rel=1e-6)


def test_rows_that_cancel_are_uniform():
    vmf = VonMisesFisher().fit([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    assert vmf.kappa_ == 0
    assert vmf.score_samples([[0, 0, 1.0]])[0] == pytest.approx(-np.log(4 * np.pi), rel=1e-15)
    assert vmf.entropy() == pytest.approx(np.log(4 * np.pi), rel=1e-15)
    assert vmf.sample(3, random_state=0).shape == (3, 3)


def _estimators():
    return [
        VonMisesFisher(),
        VonMisesFisherMixture(),
        DirectionalKernelDensity(bandwidth=0.5),
    ]


@pytest.mark.parametrize("estimator", _estimators(), ids=lambda e: type(e).__name__)
def test_bad_rows(rng, estimator):
    X = unit(rng, 20, 3)
    long = X.copy()
    long[7] *= 1.5
    with pytest.raises(ValueError, match=r"row 7 of X has length 1.5.*normalize\(X\), or set"):
        estimator.fit(long)
    assert not hasattr(estimator, "n_features_in_")
    zero = X.copy()
    zero[3] = 0
    with pytest.raises(ValueError, match="row 3 of X is zero"):
        estimator.set_params(normalize=True).fit(zero)
    estimator.set_params(normalize=False)
    with pytest.raises(ValueError, match=r"1 feature\(s\)"):
        estimator.fit(np.ones((5, 1)))
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(np.where(X > 0.5, np.nan, X))
    estimator.fit(X)
    with pytest.raises(ValueError, match="row 7 of X has length"):
        estimator.score_samples(long)
    with pytest.raises(ValueError, match="not a positive integer"):
        estimator.sample(0)
    # Normalised in single precision is normalised.
    estimator.fit(X.astype(np.float32))


def test_coinciding_rows():
    X = np.tile([0.6, 0.8], (10, 1))
    with pytest.raises(ValueError, match=r"point in one direction \(n_samples=10\)"):
        VonMisesFisher().fit(X)
    with pytest.raises(ValueError, match="at least two different samples"):
        DirectionalKernelDensity().fit(X)
    assert VonMisesFisherMixture(max_kappa=1e6).fit(X).kappas_.tolist() == [1e6]


@pytest.mark.parametrize("estimator", _estimators(), ids=lambda e: type(e).__name__)
def test_pickles(rng, estimator):
    X = unit(rng, 30, 3)
    estimator.fit(X)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.score_samples(X), estimator.score_samples(X))


# --- Mixture -------------------------------------------------------------------------------------


def test_mixture_recovers_what_it_was_drawn_from(rng):
    kappas, n = [20.0, 50.0, 100.0], 3000
    parts = [
        stats.vonmises_fisher(np.eye(4)[k], kappas[k]).rvs(n, random_state=rng) for k in range(3)
    ]
    X = np.concatenate(parts)
    mixture = VonMisesFisherMixture(3, random_state=0).fit(X)
    order = np.argmax(mixture.mean_directions_ @ np.eye(4)[:, :3], axis=0)
    np.testing.assert_allclose(mixture.weights_[order], 1 / 3, atol=5 * np.sqrt(2 / 9 / (3 * n)))
    # The Fisher information of κ is A_p'(κ), at large κ about (p-1)/(2κ²); five standard errors.
    error = 5 * np.sqrt(2 / 3 / n)
    np.testing.assert_allclose(mixture.kappas_[order], kappas, rtol=error)
    labels = mixture.predict(X)
    assert np.mean(labels == np.repeat(order, n)) > 0.99
    probabilities = mixture.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), labels)
    assert mixture.converged_
    assert mixture.bic(X) < VonMisesFisherMixture(2, random_state=0).fit(X).bic(X)
    assert mixture.bic(X) < VonMisesFisherMixture(4, random_state=0, tol=1e-2).fit(X).bic(X)
    assert mixture.aic(X) == pytest.approx(-2 * mixture.score_samples(X).sum() + 2 * 14)
    drawn, components = mixture.sample(500, random_state=0)
    assert np.mean(mixture.predict(drawn) == components) > 0.98


def test_mixture_density_is_the_weighted_sum(rng):
    X = unit(rng, 200, 3)
    mixture = VonMisesFisherMixture(2, random_state=0, tol=1e-2).fit(X)
    parts = [
        np.log(w) + stats.vonmises_fisher(m, k).logpdf(X)
        for w, m, k in zip(mixture.weights_, mixture.mean_directions_, mixture.kappas_, strict=True)
    ]
    np.testing.assert_allclose(mixture.score_samples(X), logsumexp(parts, axis=0), rtol=1e-11)
    assert mixture.score(X) == pytest.approx(mixture.lower_bound_, abs=1e-9)


def test_one_component_is_the_distribution(features):
    mixture = VonMisesFisherMixture(1).fit(features)
    vmf = VonMisesFisher().fit(features)
    assert mixture.kappas_[0] == pytest.approx(vmf.kappa_, rel=1e-11)
    np.testing.assert_allclose(
        mixture.score_samples(features[:9]), vmf.score_samples(features[:9]), rtol=1e-12
    )


def test_likelihood_never_falls(features):
    bounds = []
    for n in range(2, 7):
        mixture = VonMisesFisherMixture(5, max_iter=n, tol=0, random_state=0)
        with pytest.warns(ConvergenceWarning, match=f"max_iter={n}"):
            bounds.append(mixture.fit(features[:400]).lower_bound_)
    assert np.all(np.diff(bounds) >= -1e-9 * np.abs(bounds[:-1]))
    best = VonMisesFisherMixture(5, n_init=3, random_state=0).fit(features[:400])
    assert (
        best.lower_bound_
        >= VonMisesFisherMixture(5, random_state=0).fit(features[:400]).lower_bound_ - 1e-9
    )


def test_duplicates_meet_the_bound(rng):
    X = np.concatenate([unit(rng, 30, 3), np.tile([0.0, 0.0, 1.0], (10, 1))])
    mixture = VonMisesFisherMixture(4, max_kappa=1e5, random_state=0).fit(X)
    assert mixture.kappas_.max() == pytest.approx(1e5)
    assert np.isfinite(mixture.score_samples(X)).all()
    with pytest.raises(ValueError, match="n_components=41 needs at least as many rows"):
        VonMisesFisherMixture(41).fit(X)


# --- Kernel density ------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [2, 3, 6])
def test_kernel_density_is_a_mean_of_distributions(rng, p):
    X, Y = unit(rng, 80, p), unit(rng, 20, p)
    weights = rng.gamma(1.0, size=80)
    kde = DirectionalKernelDensity(bandwidth=0.4).fit(X, sample_weight=weights)
    terms = [stats.vonmises_fisher(x, 0.4**-2).logpdf(Y) for x in X]
    expected = logsumexp(terms, axis=0, b=weights[:, None]) - np.log(weights.sum())
    np.testing.assert_allclose(kde.score_samples(Y), expected, rtol=1e-11, atol=1e-11)
    assert kde.score(Y) == pytest.approx(expected.sum(), rel=1e-11)
    assert kde.kappa_ == pytest.approx(6.25)


def test_kernel_density_integrates_to_one(rng):
    kde = DirectionalKernelDensity(bandwidth=0.7).fit(unit(rng, 5, 3))
    # Gauss-Legendre in z and equal steps in longitude: exact for harmonics below 40.
    z, weights = np.polynomial.legendre.leggauss(20)
    phi = np.arange(40) * (2 * np.pi / 40)
    r = np.sqrt(1 - z**2)[:, None]
    grid = np.stack([r * np.cos(phi), r * np.sin(phi), np.broadcast_to(z[:, None], (20, 40))], -1)
    density = np.exp(kde.score_samples(grid.reshape(-1, 3))).reshape(20, 40)
    assert weights @ density.sum(axis=1) * (2 * np.pi / 40) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_bandwidth_of_the_greatest_likelihood(rng, weighted):
    X = stats.vonmises_fisher([0, 0, 1], 10.0).rvs(200, random_state=rng)
    weights = rng.gamma(2.0, size=200) if weighted else None
    share = np.full(200, 1 / 200) if weights is None else weights / weights.sum()
    kde = DirectionalKernelDensity().fit(X, sample_weight=weights)

    def likelihood(h):
        kappa = h**-2
        constant = np.log(kappa / (2 * np.pi * -np.expm1(-2 * kappa)))
        log_terms = constant + kappa * (X @ X.T - 1)
        np.fill_diagonal(log_terms, -np.inf)
        return share @ (logsumexp(log_terms, axis=1, b=share) - np.log1p(-share))

    best = likelihood(kde.bandwidth_)
    assert share @ kde.leave_one_out_score_samples() == pytest.approx(best, rel=1e-10)
    grid = [likelihood(h) for h in np.geomspace(0.02, 2, 60)]
    # Where it is flat a relative change of 1e-3 in h costs 1e-6.
    assert best >= max(grid) - 1e-5


def test_draws_follow_the_kernel_density(rng):
    X = np.eye(3)
    weights = [0.5, 0.5, 0.0]
    kde = DirectionalKernelDensity(bandwidth=0.05).fit(X, sample_weight=weights)
    drawn = kde.sample(2000, random_state=0)
    counts = np.bincount(np.argmax(drawn @ X.T, axis=1), minlength=3)
    assert counts[2] == 0
    assert abs(counts[0] - 1000) <= 5 * np.sqrt(500)
    # 1 - cosine has mean h² at small h, and about as large a standard deviation.
    gaps = 1 - np.max(drawn @ X.T, axis=1)
    assert gaps.mean() == pytest.approx(0.05**2, rel=5 / np.sqrt(2000))


def test_kernel_density_needs_two_rows_for_a_bandwidth(rng):
    with pytest.raises(ValueError, match="at least two different samples"):
        DirectionalKernelDensity().fit([[1.0, 0.0]])


def test_tight_clusters_far_apart_have_a_bandwidth(rng):
    for spread in (0.03, 1e-3):
        centres = np.eye(3)[rng.integers(2, size=300)]
        X = normalize(centres + spread * rng.normal(size=(300, 3)))
        h = DirectionalKernelDensity().fit(X).bandwidth_
        assert 0.05 * spread < h < 2 * spread


def test_equal_rows_are_left_out_together(rng):
    angle = np.radians(10 * np.round(rng.normal(scale=3, size=500)))
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    distinct, counts = np.unique(np.round(angle, 9), return_counts=True)
    Z = np.column_stack([np.cos(distinct), np.sin(distinct)])
    repeated = DirectionalKernelDensity().fit(X).bandwidth_
    weighted = DirectionalKernelDensity().fit(Z, sample_weight=counts).bandwidth_
    # To the tolerance of the search.
    assert repeated == pytest.approx(weighted, rel=2e-3)
    assert repeated > 0.1


def test_rows_that_cancel_in_a_mixture_keep_unit_directions():
    X = [[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]
    mixture = VonMisesFisherMixture(n_components=1, random_state=0).fit(X)
    np.testing.assert_allclose(np.linalg.norm(mixture.mean_directions_, axis=1), 1.0)
