"""Random frequencies of stationary kernels: ``k(z) = E cos(ω·z)`` over the law of ``ω``.

Gaussian frequencies are ``N/h``, and every other isotropic kernel here is a mixture of Gaussian
ones, so its frequencies are Gaussian times a random scale:

===============================  ==============================================
kernel, with ``r = ‖z‖₂/h``      scale of ``N/h``
===============================  ==============================================
gaussian, ``exp(-r²/2)``         1
exponential, ``exp(-r)``         ``1/|N₁|``, the multivariate Cauchy law
cauchy, ``1/(1 + r²)``           ``√(2t)``
rational, ``1/(1 + r^β)``        ``√(2A) t^{1/β}``
===============================  ==============================================

with ``t`` standard exponential, for ``1/(1+s) = ∫ e^{-t} e^{-ts} dt``, and ``A`` positive stable of
index ``β/2``, for ``E e^{-A s²} = e^{-s^β}``. The kernels of the 1-norm have independent
coordinates: standard Cauchy over ``h`` for laplacian, ``exp(-‖z‖₁/h)``, times one common ``t`` for
``1/(1 + ‖z‖₁/h)``.

Draws are of equal law in every mode, and differ in how they depend on each other. Orthogonal
directions and stratified quantiles, of the radius and of each mixing variable, permuted
independently, spread the frequencies evenly; each alone has the law above, so the estimate of the
kernel stays unbiased, and its error falls, about threefold for the Gaussian kernel with many
frequencies. Frequencies of the 1-norm have no radius: their coordinates are stratified one by one,
which gains less. Structured frequencies only resemble the law (see
:class:`StructuredFrequencies`).
"""

# References: Rahimi & Recht, *Random features for large-scale kernel machines*, NeurIPS 2007; Yu,
# Suresh, Choromanski, Holtmann-Rice & Kumar, *Orthogonal random features*, NeurIPS 2016,
# arXiv 1610.09072; Kanter, *Stable densities under change of scale and total variation
# inequalities*, Annals of Probability 3 (1975) (the positive stable law); Chambers, Mallows &
# Stuck, *A method for simulating stable random variables*, JASA 71 (1976); Johnson &
# Lindenstrauss, *Extensions of Lipschitz mappings into a Hilbert space* (1984).

from dataclasses import dataclass, field

import numpy as np
from scipy.special import erfcx, gammaincinv, ndtri

KERNELS = ("gaussian", "exponential", "laplacian", "cauchy", "rational")
FEATURES = ("orthogonal", "iid", "sorf")
# Heavier tails than this oscillate faster than coordinates are known, and stay finite so.
_LARGEST_SCALE = 1e100
# Fewer signs than these make directions of too few values to resemble a Gaussian.
_SMALLEST_BLOCK = 64
# The open unit interval in floats.
_OPEN_UNIT = (2.0**-54, 1.0 - 2.0**-53)
# Logarithms of the scales of 1/(1 + r) at either end of it lie within.
_WIDEST_LOG = 40.0


@dataclass(frozen=True)
class DenseFrequencies:
    """Frequencies as the columns of a matrix.

    Attributes
    ----------
    matrix : ndarray of shape (dim, n_features)
        Angular frequencies, in radians per unit of the coordinates.
    turns : ndarray of shape (dim, n_features)
        The same in turns, ``matrix / 2π``, which is what sums and queries use.
    """

    matrix: np.ndarray
    turns: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "turns", np.ascontiguousarray(self.matrix / (2.0 * np.pi)))

    @property
    def dim(self):
        return self.matrix.shape[0]

    @property
    def n_features(self):
        return self.matrix.shape[1]


@dataclass(frozen=True)
class StructuredFrequencies:
    """Blocks of frequencies ``diag(radii) H D₁ H D₂ H D₃ / size^{3/2}``.

    ``H`` is the Walsh-Hadamard matrix of order ``size``, the power of two to which coordinates are
    padded with zeros (at least 64), and the ``D`` are random signs. A record meets ``n_features``
    frequencies in O(n_features log size) additions and without a matrix to store. The directions
    of a block are orthogonal, but take finitely many values, so the mean estimate differs from the
    kernel a little; the difference vanishes as ``size`` grows.

    Attributes
    ----------
    dim : int
    signs : ndarray of shape (n_blocks, 3, size)
        The diagonals of ``D₁``, ``D₂`` and ``D₃``, of ones and minus ones.
    radii : ndarray of shape (n_features,)
        Lengths of the angular frequencies before the padding is cut off.
    turns : ndarray of shape (n_features,)
        ``radii / 2π / size^{3/2}``: the factor after the transforms, which are not normalised.
    """

    dim: int
    signs: np.ndarray
    radii: np.ndarray
    turns: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        size = self.signs.shape[2]
        object.__setattr__(self, "turns", self.radii / (2.0 * np.pi * size**1.5))

    @property
    def n_features(self):
        return self.radii.size

    @property
    def matrix(self):
        """The equivalent dense matrix, of shape (dim, n_features)."""
        from scipy.linalg import hadamard

        size = self.signs.shape[2]
        transform = hadamard(size) / size**0.5
        blocks = [
            np.linalg.multi_dot([transform * d1, transform * d2, transform * d3])
            for d1, d2, d3 in self.signs
        ]
        return np.vstack(blocks)[: self.n_features, : self.dim].T * self.radii


def draw_frequencies(
    kernel,
    n_features,
    dim,
    *,
    bandwidth,
    beta=None,
    norm="l2",
    features="orthogonal",
    rng,
):
    """Draw frequencies ``ω`` whose mean cosine is a kernel: ``E cos(ω·z) = k(z)``.

    Parameters
    ----------
    kernel : {'gaussian', 'exponential', 'laplacian', 'cauchy', 'rational'}
        See the table above.
    n_features, dim : int
        Number of frequencies, and their dimension.
    bandwidth : float
        ``h`` of the table, in the units of the coordinates.
    beta : float, optional
        Exponent of 'rational', in (0, 2]; 1 by default.
    norm : {'l2', 'l1'}, default='l2'
        Norm of 'rational'; 'l1' goes with ``beta=1``. 'laplacian' is of the 1-norm as it stands.
    features : {'orthogonal', 'iid', 'sorf'}, default='orthogonal'
        Orthogonal directions with stratified lengths, independent draws, or structured ones.
    rng : numpy.random.Generator
        The draw is a function of its state alone.

    Returns
    -------
    DenseFrequencies or StructuredFrequencies
        The latter for ``features='sorf'``.

    Raises
    ------
    ValueError
        Where the kernel has no such parameter, or no structured frequencies.

    Notes
    -----
    Costs O(n_features · dim²) for 'orthogonal', O(n_features · dim) otherwise and
    O(n_features) for 'sorf'.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._frequencies import draw_frequencies
    >>> rng = np.random.default_rng(0)
    >>> frequencies = draw_frequencies("gaussian", 4096, 2, bandwidth=0.5, rng=rng)
    >>> float(np.mean(np.cos([0.3, 0.4] @ frequencies.matrix)).round(2))
    0.61
    """
    beta = check_kernel(kernel, beta, norm, features)
    uniform = _independent_uniforms if features == "iid" else stratified_uniforms
    if kernel == "laplacian" or norm == "l1":
        if features == "sorf":
            raise ValueError(
                f"features='sorf' needs a kernel of the 2-norm, and kernel={kernel!r} here is of "
                "the 1-norm; take features='orthogonal'."
            )
        coordinates = np.array([uniform(n_features, rng) for _ in range(dim)])
        scale = np.ones(n_features)
        if kernel == "rational":
            scale = -np.log1p(-uniform(n_features, rng))
        return DenseFrequencies(np.tan(np.pi * (coordinates - 0.5)) * (scale / bandwidth))

    scale = _mixing_scale(kernel, beta, n_features, uniform, rng) / bandwidth
    if features == "sorf":
        size = max(_SMALLEST_BLOCK, 1 << (dim - 1).bit_length())
        n_blocks = -(-n_features // size)
        signs = 1.0 - 2.0 * rng.integers(0, 2, (n_blocks, 3, size))
        return StructuredFrequencies(dim, signs, _radii(size, n_features, uniform, rng) * scale)
    radii = _radii(dim, n_features, uniform, rng)
    if features == "iid":
        directions = rng.standard_normal((dim, n_features))
        directions /= np.linalg.norm(directions, axis=0)
    else:
        directions = _orthogonal_directions(dim, n_features, rng)
    return DenseFrequencies(directions * (radii * scale))


def check_kernel(kernel, beta, norm, features):
    if kernel not in KERNELS:
        raise ValueError(f"kernel={kernel!r} is not one of {', '.join(KERNELS)}.")
    if features not in FEATURES:
        raise ValueError(f"features={features!r} is not one of {', '.join(FEATURES)}.")
    if norm not in ("l1", "l2"):
        raise ValueError(f"norm={norm!r} is neither 'l2' nor 'l1'.")
    if kernel != "rational":
        if beta is not None:
            raise ValueError(
                f"beta={beta!r} is the exponent of kernel='rational'; leave it out for "
                f"kernel={kernel!r}."
            )
        if norm == "l1" and kernel != "laplacian":
            raise ValueError(
                f"norm='l1' goes with kernel='rational', and kernel={kernel!r} is of the 2-norm; "
                "kernel='laplacian' is the exponential of the 1-norm."
            )
        return None
    beta = 1.0 if beta is None else float(beta)
    if not 0.0 < beta <= 2.0:
        raise ValueError(f"beta={beta!r} must lie in (0, 2]: other powers give no kernel.")
    if norm == "l1" and beta != 1.0:
        raise ValueError(f"norm='l1' goes with beta=1, not {beta!r}; take norm='l2'.")
    return beta


def _independent_uniforms(n, rng):
    return np.clip(rng.random(n), *_OPEN_UNIT)


def stratified_uniforms(n, rng):
    """One uniform number in each of ``n`` equal intervals, in random order."""
    return np.clip((rng.permutation(n) + rng.random(n)) / n, *_OPEN_UNIT)


def _radii(dim, n, uniform, rng):
    """Lengths of standard normal vectors."""
    return np.sqrt(2.0 * gammaincinv(dim / 2.0, uniform(n, rng)))


def _mixing_scale(kernel, beta, n, uniform, rng):
    if kernel == "gaussian":
        return np.ones(n)
    if kernel == "exponential":
        return 1.0 / np.abs(ndtri(uniform(n, rng) / 2.0))
    if beta == 1.0:
        return _rational_scale(uniform(n, rng))
    t = -np.log1p(-uniform(n, rng))
    if kernel == "cauchy" or beta == 2.0:
        return np.sqrt(2.0 * t)
    angle = np.pi * uniform(n, rng)
    waiting = -np.log1p(-uniform(n, rng))
    # Logarithms, for the powers of a small index leave the range of floats.
    alpha = beta / 2.0
    log_stable = (
        np.log(np.sin(alpha * angle))
        - np.log(np.sin(angle)) / alpha
        + (1.0 - alpha) / alpha * (np.log(np.sin((1.0 - alpha) * angle)) - np.log(waiting))
    )
    log_scale = 0.5 * (np.log(2.0) + log_stable) + np.log(t) / beta
    return np.exp(np.minimum(log_scale, np.log(_LARGEST_SCALE)))


def _rational_scale(u):
    """Quantiles of ``t/|N|``, the scale of ``1/(1 + r)``.

    ``P(t/|N| > s) = E exp(-s|N|) = erfcx(s/√2)``. One stratified number for each frequency keeps
    the strata that a ratio of two would lose: half the error, and as much for every draw.
    """
    low, high = np.full(len(u), -_WIDEST_LOG), np.full(len(u), _WIDEST_LOG)
    for _ in range(60):
        middle = 0.5 * (low + high)
        beyond = erfcx(np.exp(middle)) > 1.0 - u
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return np.sqrt(2.0) * np.exp(middle)


def _orthogonal_directions(dim, n, rng):
    """Blocks of orthogonal matrices, uniform (Haar) over the orthogonal group."""
    q, r = np.linalg.qr(rng.standard_normal((-(-n // dim), dim, dim)))
    # QR with a positive diagonal is unique, which is what makes the law of q uniform.
    q *= np.where(np.diagonal(r, axis1=1, axis2=2) < 0.0, -1.0, 1.0)[:, None, :]
    return np.hstack(list(q))[:, :n]


def draw_projection(dim, reduce_dim, rng):
    """Draw a Gaussian Johnson-Lindenstrauss map ``P`` of shape (dim, reduce_dim).

    ``x @ P`` keeps squared distances in the mean, with relative standard deviation
    ``√(2 / reduce_dim)``, whatever ``dim``. Raises :class:`ValueError` unless
    ``1 <= reduce_dim <= dim``.
    """
    if not 1 <= reduce_dim <= dim:
        raise ValueError(
            f"reduce_dim={reduce_dim!r} must lie between 1 and the number of columns, {dim}."
        )
    return rng.standard_normal((dim, reduce_dim)) / np.sqrt(reduce_dim)


def compose(frequencies, projection):
    """Frequencies on the records themselves of features on the projected records.

    ``(x P)·ω = x·(P ω)``, so the projection needs no pass of its own over the records, and is as
    strict as the rest; what it saves is not the O(dim · n_features) of a record but that the
    kernel acts on ``reduce_dim`` coordinates. The result is dense, whatever ``frequencies``.
    """
    return DenseFrequencies(projection @ frequencies.matrix)
