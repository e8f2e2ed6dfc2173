"""Log densities from a private kernel sum."""

import math
from numbers import Real

import numpy as np
from sklearn.base import DensityMixin

from kernlab._core.validation import Interval, StrOptions
from kernlab.kernels import PROFILES
from kernlab.privacy._kernels import PrivateKernelSum

INTEGRABLE = ("gaussian", "exponential", "laplacian")


def log_volume(kernel, bandwidth, n_features):
    """Logarithm of the integral of a kernel of this bandwidth."""
    if kernel == "laplacian":
        unit = n_features * math.log(2.0)
    else:
        unit = PROFILES[kernel].log_normalizer(n_features)
    return unit + n_features * math.log(bandwidth)


class PrivateKernelDensity(DensityMixin, PrivateKernelSum):
    """Kernel density estimation from private records, released once and queried for ever.

    The release is that of :class:`PrivateKernelSum`; log densities are computed from it, at no
    further cost of privacy.

    Parameters
    ----------
    kernel : {'gaussian', 'exponential', 'laplacian'}, default='gaussian'
        As in :class:`PrivateKernelSum`, of whose kernels these have an integral.
    bandwidth : float
        h, in units of the features; public, not to be chosen by looking at the records.
    epsilon : float, Fraction or str
        Privacy parameter; a float is taken by its decimal notation, ``0.1`` as 1/10.
    delta : float in [0, 1), default=0
        Zero for pure privacy; above, noise that does not grow with the number of frequencies.
    adjacency : {'add-remove', 'replace'}, default='add-remove'
        Whether neighbouring data sets differ by a record's presence, or by a record's content; in
        the latter case the number of records is public.
    n_features : int or 'auto', default='auto'
        Number of random frequencies or of hashes.
    features : {'orthogonal', 'iid', 'sorf', 'race', 'fast-gauss'}, default='orthogonal'
        As in :class:`PrivateKernelSum`.
    bounds : (low, high), default=None
        Public box of the records, for ``features='fast-gauss'`` only.
    floor : float in (0, 1] or 'noise', default='noise'
        Public lower limit of the mean kernel value, below which no estimate goes; by default one
        standard deviation of the mean's noise.
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
    floor_ : float
        The lower limit in force.
    statistics_, n_noisy_, noise_scale_, grid_, epsilon_, delta_, projection_seed_, is_private_
        As in :class:`PrivateKernelSum`.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where ``X`` had column names.

    See Also
    --------
    PrivateKernelSum : The sums themselves, of further kernels.
    kernlab.density.KernelDensity : Without privacy.

    Notes
    -----
    A log density at the floor means "no more than this, as far as one can tell": noise and the
    error of the frequencies make estimates of small means anything, negative ones included. The
    noise leaves a mean kernel value of about ``2√m/(εn)``, or ``σ/n`` with δ > 0, to be told from
    zero, and m frequencies one of about ``0.15/√(2m)``; the densities that can be told are those
    times ``1/∫k``. In many features mean kernel values are small unless the bandwidth is of the
    order of the distances: look at :meth:`mean` beside the log density, and at :meth:`plan`.

    References
    ----------
    As for :class:`PrivateKernelSum`.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy import PrivateKernelDensity
    >>> X = np.random.default_rng(0).normal(size=(20_000, 2))
    >>> kde = PrivateKernelDensity(bandwidth=0.5, epsilon=1, noise="builtin").fit(X)
    >>> log_density = kde.score_samples([[0.0, 0.0], [50.0, 0.0]])
    >>> exact = -np.log(2 * np.pi * (1 + 0.5**2))
    >>> bool(abs(log_density[0] - exact) < 0.3), bool(np.isfinite(log_density[1]))
    (True, True)
    """

    # Of the kernels that have no integral.
    beta = None
    norm = "l2"
    reduce_dim = None

    _parameter_constraints = {
        key: value
        for key, value in PrivateKernelSum._parameter_constraints.items()
        if key not in ("beta", "norm", "reduce_dim")
    } | {"floor": [Interval(Real, 0, 1, closed="right"), StrOptions({"noise"})]}

    def __init__(
        self,
        kernel="gaussian",
        *,
        bandwidth,
        epsilon,
        delta=0,
        adjacency="add-remove",
        n_features="auto",
        features="orthogonal",
        bounds=None,
        floor="noise",
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
        self.n_features = n_features
        self.features = features
        self.bounds = bounds
        self.floor = floor
        self.n_hint = n_hint
        self.projection_seed = projection_seed
        self.noise = noise
        self.budget = budget
        self.n_jobs = n_jobs

    def _mechanism(self, n_features, rng):
        if self.kernel not in INTEGRABLE:
            raise ValueError(
                f"kernel={self.kernel!r} has no finite integral in general, hence no density; use "
                f"one of {', '.join(INTEGRABLE)}, or PrivateKernelSum for the sums alone."
            )
        return super()._mechanism(n_features, rng)

    def _restore(self, design):
        super()._restore(design)
        self.floor_ = self.floor
        if self.floor == "noise":
            self.floor_ = min(1.0, math.sqrt(design.variance()) / max(self.n_noisy_, 1.0))

    def score_samples(self, Y):
        """Log density at the rows of ``Y``, never below that of a mean kernel value ``floor_``.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Public points.

        Returns
        -------
        log_density : float64 array of shape (n_queries,)
            Finite, in natural logarithms.
        """
        log_mean = np.log(np.maximum(self.mean(Y), self.floor_))
        terms = self._terms_of_release
        volume = log_volume(terms["kernel"], float(terms["bandwidth"]), self.n_features_in_)
        return log_mean - volume

    def score(self, X, y=None):
        """Total log density of the rows of ``X``, which are public.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        y : Ignored

        Returns
        -------
        log_likelihood : float
        """
        return float(np.sum(self.score_samples(X)))
