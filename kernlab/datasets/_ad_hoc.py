"""Labels that quantum states tell: the data of Havlíček et al."""

from numbers import Integral

import numpy as np
from scipy.stats import unitary_group
from sklearn.utils import check_random_state

from kernlab.kernels import QuantumFidelity

# Points tried for each one asked for, before the gap is held to be too wide.
_PATIENCE = 10_000


def make_ad_hoc(n_samples=100, n_features=2, *, gap=0.3, random_state=None):
    r"""Points labelled by a measurement of their quantum states.

    Points are uniform on :math:`[0, 2\pi]^q`. The label is the sign of the expected parity
    :math:`\langle\Phi(x)| V^\dagger Z^{\otimes q} V |\Phi(x)\rangle` of the state that the ZZ
    feature map prepares, turned by a random unitary V; points where it is within ``gap`` of zero
    are drawn again [1]_. A linear rule in the states, and so for a support vector machine with
    :class:`~kernlab.kernels.QuantumFidelity`; a jumble to other kernels. They are made for that
    kernel: nothing follows for other data.

    Parameters
    ----------
    n_samples : int >= 2, default=100
        Half of them of either label.
    n_features : int from 1 to 10, default=2
        Qubits.
    gap : float in [0, 1), default=0.3
    random_state : int, RandomState instance or None, default=None
        Draws V and the points.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Angles in radians.
    y : ndarray of shape (n_samples,)
        0 and 1, in random order.

    Raises
    ------
    ValueError
        If a parameter is out of range, or hardly a point leaves such a gap.

    References
    ----------
    .. [1] V. Havlíček et al., "Supervised learning with quantum-enhanced feature spaces", Nature
       567, 2019.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from kernlab.datasets import make_ad_hoc
    >>> from kernlab.kernels import QuantumFidelity
    >>> X, y = make_ad_hoc(400, random_state=0)
    >>> bool(SVC(kernel=QuantumFidelity()).fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9)
    True
    """
    for name, value, low, high in (
        ("n_samples", n_samples, 2, None),
        ("n_features", n_features, 1, 10),
    ):
        if not isinstance(value, Integral) or not low <= int(value) <= (high or int(value)):
            bounds = f"from {low} to {high}" if high else f">= {low}"
            raise ValueError(f"{name}={value!r} must be a whole number {bounds}.")
    if not 0.0 <= gap < 1.0:
        raise ValueError(f"gap={gap!r} must be in [0, 1).")
    rng = check_random_state(random_state)
    size = 2**n_features
    unitary = unitary_group.rvs(size, random_state=rng)
    parity = np.array([(-1.0) ** bin(j).count("1") for j in range(size)])
    counts = (n_samples // 2, n_samples - n_samples // 2)
    kept: list = [np.empty((0, n_features)), np.empty((0, n_features))]
    tried = 0
    while any(len(points) < count for points, count in zip(kept, counts, strict=True)):
        if tried > _PATIENCE * n_samples:
            raise ValueError(
                f"gap={gap!r} leaves hardly a point of {n_features} features; take a smaller gap."
            )
        points = rng.uniform(0.0, 2.0 * np.pi, size=(max(64, n_samples), n_features))
        tried += len(points)
        turned = QuantumFidelity().states(points) @ unitary.T
        expected = np.abs(turned) ** 2 @ parity
        kept = [
            np.concatenate([kept[0], points[expected < -gap]])[: counts[0]],
            np.concatenate([kept[1], points[expected > gap]])[: counts[1]],
        ]
    X, y = np.concatenate(kept), np.repeat([0, 1], counts)
    order = rng.permutation(n_samples)
    return X[order], y[order]
