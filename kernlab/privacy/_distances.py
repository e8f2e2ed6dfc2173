"""Sums of distances from private records."""

import math
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist

from kernlab._core.validation import Interval, StrOptions
from kernlab.privacy._base import PrivateSum
from kernlab.privacy._columns import (
    DIRECTION_ERROR,
    ColumnSums,
    draw_directions,
    mean_absolute_cosine,
)
from kernlab.privacy._dyadic import Dyadic
from kernlab.privacy._hats import Hats
from kernlab.privacy._moments import Moments

MAX_LEVELS = 14
# Of the value of one feature's range in a sum, as a power of ten.
LARGEST_MAGNITUDE = 150
# Integers that 'auto' releases at most for l2: the noise of each takes OpenDP about 20 µs, and
# Gaussian noise twice that.
MOST_STATISTICS = 2**17


class PrivateDistanceSum(PrivateSum):
    """Sums of distances to private records, released once and queried for ever.

    ``fit(X)`` releases integer statistics with integer noise; ``query(Y)`` then answers
    ``Σ_x distance(x, y)`` for any public ``y``, as often as one likes, for the privacy was paid
    once.

    Parameters
    ----------
    metric : {'l1', 'l2', 'sqeuclidean', 'lp'}, default='l1'
        ``Σ_j |x_j - y_j|``, ``‖x - y‖₂``, ``‖x - y‖₂²``, or ``Σ_j |x_j - y_j|^p``.
    bounds : (low, high)
        Public box of the records, two scalars or two arrays of shape (n_features,). Records are
        moved into it; it must not be chosen by looking at them.
    norm_bound : float, default=None
        For 'sqeuclidean', records farther than this from ``center`` are drawn in to it; for 'l2',
        projections on directions are clipped to it. None leaves the box's own bound.
    center : array-like of shape (n_features,), default=None
        Public; the middle of the box by default. For 'l2' and 'sqeuclidean'.
    p : float in [1, 8], default=None
        The power, for 'lp' only.
    epsilon : float, Fraction or str
        Privacy parameter; a float is taken by its decimal notation, ``0.1`` as 1/10.
    delta : float in [0, 1), default=0
        Zero for pure privacy by discrete Laplace noise; above, discrete Gaussian noise, which is
        less by about √d.
    adjacency : {'add-remove', 'replace'}, default='add-remove'
        Whether neighbouring data sets differ by a record's presence, and the number of records is
        private; or by a record's content, and the number is public.
    levels : int in [1, 14] or 'auto', default='auto'
        Levels of the hierarchy of cells in each coordinate; 'auto' takes as many as the noise lets
        one see, from the noisy count or ``n_hint``.
    n_projections : int or 'auto', default='auto'
        Directions for 'l2'.
    n_hint : float, default=None
        Public guess of the number of records, used to choose sizes; the noisy count by default.
    projection_seed : int, default=None
        Seeds the public directions of 'l2', never the noise; drawn afresh by default.
    noise : {'opendp', 'builtin', 'insecure-test'}, default='opendp'
        Supplier of the integer noise: OpenDP (extra ``privacy``), the built-in exact sampler of
        discrete Laplace noise, or seeded noise that protects nothing, for tests.
    method : {'hats', 'dyadic'}, default='hats'
        'dyadic' is the mechanism of the paper, for comparison ('l1' only).
    alpha : float in [0, 1], default=0.1
        Relative rounding of distances in 'dyadic'; zero integrates its noisy counts instead.
    budget : PrivacyBudget, default=None
        Pays for every fit, before the data are read.
    n_jobs : int, default=None
        Threads; None is Numba's current count, -1 all.

    Attributes
    ----------
    statistics_ : list of int64 arrays
        What was released, in steps of the grid.
    n_noisy_ : float
        Noisy count of records; the count itself with ``adjacency='replace'``.
    noise_scale_ : list of int64 arrays
        Noise scale of each statistic, in steps.
    grid_ : float64 array
        Step of each coordinate, in units of the data.
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
    PrivateKernelSum : Sums of kernels.

    Notes
    -----
    The l1 and lp sums are interpolated by hierarchical hats: a record changes one cell of each
    level by a geometrically falling amount, hence the noise does not grow with the number of
    levels. Its root mean square is about ``1.65 d^1.5 R/ε`` for d features of range R, and with
    δ > 0 ``0.49 d R σ``, σ being the noise per unit of sensitivity (4.2 at ε=1, δ=1e-6). Sums of
    squares come from d + 2 moments. The l2 distance is the mean of ``|⟨u, x - y⟩|`` over
    orthogonal directions, whose number decides an error that does not shrink with n:
    ``approximation_rms`` of :meth:`plan`.

    Fitting takes O(nd), or O(nd·n_projections); a query O(d) or O(d·n_projections).

    References
    ----------
    Backurs, Lin, Mahabadi, Silwal, Tarnawski, *Efficiently computing similarities to private
    datasets*, ICLR 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy import PrivateDistanceSum
    >>> X = np.random.default_rng(0).random((2000, 3))
    >>> sums = PrivateDistanceSum("l1", bounds=(0, 1), epsilon=1, noise="builtin").fit(X)
    >>> y = np.array([[0.2, 0.5, 0.9]])
    >>> exact = np.abs(X - y).sum()
    >>> bool(abs(sums.query(y)[0] / exact - 1) < 0.05)
    True
    """

    _parameter_constraints = {
        **PrivateSum._parameter_constraints,
        "metric": [StrOptions({"l1", "l2", "sqeuclidean", "lp"})],
        "bounds": [tuple, list, np.ndarray],
        "norm_bound": [Interval(Real, 0, None, closed="neither"), None],
        "center": ["array-like", None],
        "p": [Interval(Real, 1, 8, closed="both"), None],
        "levels": [Interval(Integral, 1, MAX_LEVELS, closed="both"), StrOptions({"auto"})],
        "n_projections": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "method": [StrOptions({"hats", "dyadic"})],
        "alpha": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        metric="l1",
        *,
        bounds,
        epsilon,
        norm_bound=None,
        center=None,
        p=None,
        delta=0,
        adjacency="add-remove",
        levels="auto",
        n_projections="auto",
        n_hint=None,
        projection_seed=None,
        noise="opendp",
        method="hats",
        alpha=0.1,
        budget=None,
        n_jobs=None,
    ):
        self.metric = metric
        self.bounds = bounds
        self.epsilon = epsilon
        self.norm_bound = norm_bound
        self.center = center
        self.p = p
        self.delta = delta
        self.adjacency = adjacency
        self.levels = levels
        self.n_projections = n_projections
        self.n_hint = n_hint
        self.projection_seed = projection_seed
        self.noise = noise
        self.method = method
        self.alpha = alpha
        self.budget = budget
        self.n_jobs = n_jobs

    def _mechanism(self, n_features, rng):
        self._check_combination()
        low, high = box_of(self.bounds, n_features)
        self._check_range(high - low)
        center = self._center(low, high)
        if self.metric == "sqeuclidean":
            return lambda n: Moments(low, high, center, self.norm_bound)
        if self.metric == "l2":
            return partial(self._projected, low, high, center, rng.integers(2**63))
        return lambda n: ColumnSums(self._line(n, n_features), low, high, center)

    def _exact_sums(self, X, Y):
        if self.metric == "lp":
            return (cdist(Y, X, "minkowski", p=self.p) ** self.p).sum(axis=1)
        names = {"l1": "cityblock", "l2": "euclidean", "sqeuclidean": "sqeuclidean"}
        return cdist(Y, X, names[self.metric]).sum(axis=1)

    def _check_combination(self):
        if (self.p is not None) != (self.metric == "lp"):
            raise ValueError(
                f"p={self.p!r} does not go with metric={self.metric!r}: give p with metric='lp', "
                "and only there."
            )
        if self.norm_bound is not None and self.metric not in ("l2", "sqeuclidean"):
            raise ValueError(
                f"norm_bound={self.norm_bound!r} has no use for metric={self.metric!r}, whose "
                "sensitivity comes from bounds; leave it None."
            )
        if self.center is not None and self.metric not in ("l2", "sqeuclidean"):
            raise ValueError(f"center has no use for metric={self.metric!r}; leave it None.")
        if self.method == "dyadic" and self.metric != "l1":
            raise ValueError(
                f"method='dyadic' is for metric='l1', got metric={self.metric!r}; use 'hats'."
            )

    def _check_range(self, widths):
        """Sums, and the squares in which their noise is weighed, must stay within floats."""
        # A norm_bound that holds no record back is none.
        most = float(widths.max())
        sizes = np.append(widths, min(most if self.norm_bound is None else self.norm_bound, most))
        power = {"sqeuclidean": 2.0, "lp": self.p}.get(self.metric, 1.0)
        magnitudes = np.abs(np.log10(sizes)) * power
        if np.any(magnitudes > LARGEST_MAGNITUDE):
            raise ValueError(
                f"bounds or norm_bound of size {sizes[np.argmax(magnitudes)]} make sums for "
                f"metric={self.metric!r} beyond 1e±{LARGEST_MAGNITUDE}, whose squares leave the "
                "range of floats; give the features in other units."
            )

    def _center(self, low, high):
        if self.center is None:
            return low + (high - low) / 2
        center = np.asarray(self.center, dtype=np.float64)
        if center.shape != low.shape or not np.all((center >= low) & (center <= high)):
            raise ValueError(
                f"center={self.center!r} must be a point of shape {low.shape} inside bounds."
            )
        return center

    def _line(self, n, n_coordinates):
        """The hierarchy on one coordinate, for about ``n`` records."""
        levels = self.levels
        if levels == "auto":
            # Cells so narrow that what interpolation loses in them, 4^-levels/6 of each record
            # where these are spread out, is a fortieth of pure noise and a tenth of Gaussian at
            # most. A crowd of c records in a query's own cell loses up to c 2^-levels/4. One
            # level more would double the draws.
            strength = n * self._strength(n_coordinates)
            levels = math.ceil(math.log2(max(strength, 1.0)) / 2) + 1
            levels = min(max(levels, 3), MAX_LEVELS if self.metric != "lp" else 9)
        if self.method == "dyadic":
            return Dyadic(float(self.alpha), int(levels))
        return Hats(1 if self.p is None else float(self.p), int(levels))

    def _strength(self, n_coordinates):
        """Inverse of the noise of one coordinate's unit, roughly, beside others of its kind."""
        _, law, allotment = self._allotment()
        if law.order == 1:
            return float(allotment) / math.sqrt(n_coordinates)
        return math.sqrt(float(allotment))

    def _projected(self, low, high, center, seed, n):
        d = len(low)
        k = self.n_projections
        if k == "auto":
            k = self._best_projections(low, high, center, n)
        directions = draw_directions(d, int(k), np.random.default_rng(seed))
        reach = np.abs(directions.T) @ np.maximum(high - center, center - low)
        # A few sizes only, rounded up, for each costs a call of the noise's supplier.
        reach = np.ceil(reach / reach.max() * 16) / 16 * reach.max()
        if self.norm_bound is not None:
            reach = np.minimum(reach, self.norm_bound)
        factor = 1 / (k * mean_absolute_cosine(d))
        return ColumnSums(
            self._line(n, int(k)),
            low,
            high,
            center,
            np.ascontiguousarray(directions),
            reach,
            factor,
        )

    def _best_projections(self, low, high, center, n):
        """Directions whose error is about that of the noise, which grows with their number."""
        d = len(low)
        if d == 1:
            return 1
        halves = np.maximum(high - center, center - low)
        distance = math.sqrt(float(halves @ halves) / 3)
        reach = distance * math.sqrt(3) if self.norm_bound is None else self.norm_bound
        _, law, allotment = self._allotment()
        constant = 1 / mean_absolute_cosine(d)
        if law.order == 1:
            # For each root of k.
            noise = 1.65 * 2 * reach * constant / (float(allotment) * n * distance)
            k = DIRECTION_ERROR / noise
        else:
            # Gaussian noise of the mean does not depend on k at all.
            noise = 0.5 * 2 * reach * constant / (math.sqrt(float(allotment)) * n * distance)
            k = (DIRECTION_ERROR / noise) ** 2
        # Not so many that the supplier of noise would take long.
        affordable = MOST_STATISTICS / sum(self._line(n, min(k, 1024)).sizes)
        return _whole_blocks(min(k, affordable), d)


def _whole_blocks(k, d):
    """A number of directions near ``k`` in blocks of ``d``, between 16 and 1024 or one block."""
    k = min(max(k, 16), 1024)
    return max(round(k / d), 1) * d


def box_of(bounds, n_features):
    """The public box as two float64 arrays of shape (n_features,)."""
    try:
        low, high = (
            np.broadcast_to(np.asarray(end, dtype=np.float64), (n_features,)).copy()
            for end in bounds
        )
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"bounds={bounds!r} must be (low, high): two numbers, or two arrays of length "
            f"{n_features}, one entry for each feature."
        ) from error
    with np.errstate(over="ignore", invalid="ignore"):
        right = np.isfinite(high - low) & (low < high)
    if not np.all(right):
        where = int(np.argmin(right))
        raise ValueError(
            f"bounds must have finite low < high, got {low[where]} and {high[where]} for "
            f"feature {where}; drop a feature that is constant."
        )
    return low, high
