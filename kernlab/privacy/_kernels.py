"""Sums of kernels from private records."""

import math
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist

from kernlab._core.validation import Interval, StrOptions
from kernlab.privacy._base import PrivateSum
from kernlab.privacy._distances import box_of
from kernlab.privacy._fast_gauss import fast_gauss_layout
from kernlab.privacy._frequencies import KERNELS, compose, draw_frequencies, draw_projection
from kernlab.privacy._kernel_mechanisms import FastGaussSums, RaceSums, SpectralSums
from kernlab.privacy._race import draw_race

FEATURES = ("orthogonal", "iid", "sorf", "race", "fast-gauss")
# Error of m random frequencies as a share of n/√(2m), its bound: measured on mixtures where the
# mean kernel is 0.4. The number of frequencies and plans rest on it, no guarantee does.
FEATURE_ERROR = {
    "gaussian": 0.15,
    "exponential": 0.17,
    "laplacian": 0.35,
    "cauchy": 0.2,
    "rational": 0.17,
}
INDEPENDENT_ERROR = 0.45
# Truncation of moments, of the mean kernel value.
TOLERANCE = 1e-4
# Counters of a repetition of RACE, as a power of two.
RACE_BUCKETS = 10


class PrivateKernelSum(PrivateSum):
    """Sums of kernels of private records, released once and queried for ever.

    ``fit(X)`` releases integer statistics with integer noise; ``query(Y)`` then answers
    ``Σ_x k(x, y)`` for any public ``y``, as often as one likes.

    Parameters
    ----------
    kernel : {'gaussian', 'exponential', 'laplacian', 'cauchy', 'rational'}, default='gaussian'
        With h the bandwidth and ``r = ‖x - y‖₂``: ``exp(-r²/2h²)``, ``exp(-r/h)``,
        ``exp(-‖x - y‖₁/h)``, ``1/(1 + r²/h²)``, and ``1/(1 + (r/h)^beta)`` or with ``norm='l1'``
        ``1/(1 + ‖x - y‖₁/h)``.
    bandwidth : float
        h, in units of the features; public, not to be chosen by looking at the records.
    epsilon : float, Fraction or str
        Privacy parameter; a float is taken by its decimal notation, ``0.1`` as 1/10.
    delta : float in [0, 1), default=0
        Zero for pure privacy by discrete Laplace noise; above, discrete Gaussian noise, which does
        not grow with the number of frequencies and is the better choice where δ is permitted.
    adjacency : {'add-remove', 'replace'}, default='add-remove'
        Whether neighbouring data sets differ by a record's presence, and the number of records is
        private; or by a record's content, and the number is public.
    beta : float in (0, 2], default=None
        Exponent of 'rational'; None is 1.
    norm : {'l2', 'l1'}, default='l2'
        Norm of 'rational'.
    n_features : int or 'auto', default='auto'
        Number m of random frequencies (2m integers are released) or of hashes; 'auto' balances the
        error of frequencies and of noise by the noisy count or ``n_hint``, up to 4096.
    features : {'orthogonal', 'iid', 'sorf', 'race', 'fast-gauss'}, default='orthogonal'
        Orthogonal directions with stratified lengths; independent frequencies; products of
        Hadamard matrices and signs, for many features; counters of a locality-sensitive hash, a
        baseline ('laplacian', and 'rational' with ``norm='l1'``); moments on a grid, for the
        Gaussian kernel in at most three features, which needs ``bounds``.
    reduce_dim : int, default=None
        Project records on so many random dimensions first, as in the paper. It biases kernels of
        the 2-norm by more than frequencies do, and saves nothing here: for comparison.
    bounds : (low, high), default=None
        Public box of the records, for ``features='fast-gauss'`` only.
    n_hint : float, default=None
        Public guess of the number of records, used to choose sizes; the noisy count by default.
    projection_seed : int, default=None
        Seeds the public frequencies, never the noise; drawn afresh by default.
    noise : {'opendp', 'builtin', 'insecure-test'}, default='opendp'
        Supplier of the integer noise; see :class:`PrivateDistanceSum`.
    budget : PrivacyBudget, default=None
        Pays for every fit, before the data are read.
    n_jobs : int, default=None
        Threads; None is Numba's current count, -1 all.

    Attributes
    ----------
    statistics_ : list of int64 arrays
        What was released, in steps of ``grid_``.
    n_noisy_ : float
        Noisy count of records; the count itself with ``adjacency='replace'``.
    noise_scale_ : list of int64 arrays
        Noise scale of each statistic, in steps.
    grid_ : float64 array
    epsilon_ : Fraction
        What was spent, at most ``epsilon``.
    delta_ : float
    projection_seed_ : int
    is_private_ : bool
        False with ``noise='insecure-test'``.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where ``X`` had column names.

    See Also
    --------
    PrivateDistanceSum : Sums of distances.
    PrivateKernelDensity : Log densities from such sums.
    PrivateSimilarityClassifier : Classification by a sum for each class.

    Notes
    -----
    One record changes the cosines and sines of m frequencies by at most ``√2 m`` in the 1-norm and
    ``√m`` in the 2-norm, exactly, for the integers come from tables that keep this. A query's noise
    has standard deviation ``2√m/ε``, or σ with δ > 0 whatever m. The frequencies' own error is at
    most ``n/√(2m)`` and, with orthogonal ones, nearer to a sixth of that; it is the larger part
    above ε of about 0.5 for n of some ten thousands, and not in :meth:`interval`.

    NaN and infinite coordinates count as zero: centre the features on a public point.

    Fitting takes O(nmd), with 'sorf' O(nm log d); a query O(md).

    References
    ----------
    Backurs, Lin, Mahabadi, Silwal, Tarnawski, *Efficiently computing similarities to private
    datasets*, ICLR 2024. Rahimi, Recht, *Random features for large-scale kernel machines*,
    NeurIPS 2007. Yu et al., *Orthogonal random features*, NeurIPS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy import PrivateKernelSum
    >>> X = np.random.default_rng(0).normal(size=(5000, 3))
    >>> sums = PrivateKernelSum(bandwidth=1.0, epsilon=1, noise="builtin").fit(X)
    >>> exact = np.exp(-np.sum(X**2, axis=1) / 2).sum()
    >>> bool(abs(sums.query(np.zeros((1, 3)))[0] / exact - 1) < 0.25)
    True
    """

    _parameter_constraints = {
        **PrivateSum._parameter_constraints,
        "kernel": [StrOptions(set(KERNELS))],
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
        "beta": [Interval(Real, 0, 2, closed="right"), None],
        "norm": [StrOptions({"l1", "l2"})],
        "n_features": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "features": [StrOptions(set(FEATURES))],
        "reduce_dim": [Interval(Integral, 1, None, closed="left"), None],
        "bounds": [tuple, list, np.ndarray, None],
    }

    def __init__(
        self,
        kernel="gaussian",
        *,
        bandwidth,
        epsilon,
        delta=0,
        adjacency="add-remove",
        beta=None,
        norm="l2",
        n_features="auto",
        features="orthogonal",
        reduce_dim=None,
        bounds=None,
        n_hint=None,
        projection_seed=None,
        noise="opendp",
        budget=None,
        n_jobs=None,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.epsilon = epsilon
        self.delta = delta
        self.adjacency = adjacency
        self.beta = beta
        self.norm = norm
        self.n_features = n_features
        self.features = features
        self.reduce_dim = reduce_dim
        self.bounds = bounds
        self.n_hint = n_hint
        self.projection_seed = projection_seed
        self.noise = noise
        self.budget = budget
        self.n_jobs = n_jobs

    def _mechanism(self, n_features, rng):
        self._check_combination(n_features)
        if self.features == "fast-gauss":
            mechanism = self._fast_gauss(n_features)
            return lambda n: mechanism
        kernel = {
            "bandwidth": float(self.bandwidth),
            "beta": self.beta,
            "norm": self.norm,
        }
        seed = rng.integers(2**63)

        def build(n):
            rng = np.random.default_rng(seed)
            m = int(self._number(n))
            if self.features == "race":
                options = {**kernel, "log2_buckets": RACE_BUCKETS}
                return RaceSums(draw_race(self.kernel, m, n_features, rng=rng, **options))
            options = {**kernel, "features": self.features, "rng": rng}
            if self.reduce_dim is None:
                frequencies = draw_frequencies(self.kernel, m, n_features, **options)
            else:
                projection = draw_projection(n_features, int(self.reduce_dim), rng)
                frequencies = draw_frequencies(self.kernel, m, int(self.reduce_dim), **options)
                frequencies = compose(frequencies, projection)
            return SpectralSums(frequencies, self._typical_error())

        # Frequencies do not depend on n but by their number: refuse what cannot be before paying.
        build(1)
        return build

    def _check_combination(self, n_features):
        if not 1e-150 <= self.bandwidth <= 1e150:
            raise ValueError(
                f"bandwidth={self.bandwidth!r} must lie between 1e-150 and 1e150, or frequencies "
                "leave the range of floats; rescale the features."
            )
        if (self.bounds is not None) != (self.features == "fast-gauss"):
            raise ValueError(
                f"bounds={self.bounds!r} does not go with features={self.features!r}: give the "
                "public box with features='fast-gauss', and only there."
            )
        if self.features == "fast-gauss" and self.kernel != "gaussian":
            raise ValueError(
                f"features='fast-gauss' is for kernel='gaussian', got kernel={self.kernel!r}; use "
                "features='orthogonal'."
            )
        if self.reduce_dim is None:
            return
        if self.features not in ("orthogonal", "iid") or self.kernel == "laplacian":
            raise ValueError(
                f"reduce_dim={self.reduce_dim!r} needs features='orthogonal' or 'iid' and a kernel "
                f"of the 2-norm, got features={self.features!r} and kernel={self.kernel!r}; leave "
                "it None."
            )
        if self.norm == "l1":
            raise ValueError("reduce_dim needs a kernel of the 2-norm, got norm='l1'.")
        if self.reduce_dim > n_features:
            raise ValueError(
                f"reduce_dim={self.reduce_dim!r} must be at most the number of features, "
                f"{n_features}; leave it None to keep them all."
            )

    def _fast_gauss(self, n_features):
        _, law, _ = self._allotment()
        box = box_of(self.bounds, n_features)
        return FastGaussSums(
            fast_gauss_layout(
                box, float(self.bandwidth), n_features, tolerance=TOLERANCE, noise=law.name
            )
        )

    def _number(self, n):
        """Number of frequencies, or of hashes, for about ``n`` records."""
        if self.n_features != "auto":
            return self.n_features
        epsilon, law, _ = self._allotment()
        if self.features == "race":
            return min(max(0.25 * n * float(epsilon) / math.sqrt(8), 32), 256)
        if law.order == 2:
            # The noise does not grow with their number: as many as are quick to fit.
            return min(max(n / 16, 1024), 4096)
        # Least sum of squares of the noise, 2√m/ε, and of the frequencies' error.
        return min(max(self._typical_error() * n * float(epsilon) / math.sqrt(8), 64), 4096)

    def _typical_error(self):
        """Error of the frequencies of this kernel, as a share of its bound."""
        if self.features == "iid":
            return INDEPENDENT_ERROR
        return FEATURE_ERROR["laplacian" if self.norm == "l1" else self.kernel]

    def _exact_sums(self, X, Y):
        norm = "cityblock" if self.kernel == "laplacian" or self.norm == "l1" else "euclidean"
        r = cdist(Y, X, norm) / float(self.bandwidth)
        if self.kernel == "gaussian":
            values = np.exp(-(r**2) / 2)
        elif self.kernel in ("exponential", "laplacian"):
            values = np.exp(-r)
        elif self.kernel == "cauchy":
            values = 1 / (1 + r**2)
        else:
            values = 1 / (1 + r ** (1.0 if self.beta is None else float(self.beta)))
        return values.sum(axis=1)
