"""Fidelity kernels of quantum feature maps, simulated exactly."""

# Reference: Havlíček et al., *Supervised learning with quantum-enhanced feature spaces*, Nature
# 567, 2019.
#
# States are columns: axis 0 runs over the 2^q amplitudes, whose bit i is qubit i, and axis 1 over
# points, so that each step of the transform works on whole rows of memory.

import itertools
import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
from sklearn.utils import check_random_state

from kernlab._core.chunks import chunk_bytes
from kernlab.kernels._infinite_network import as_rows
from kernlab.special._hadamard import walsh_hadamard

# A state of 24 qubits takes 256 MiB.
_MOST_QUBITS = 24
# Bytes of states worked on at a time: about a second-level cache.
_WORK_BYTES = 2**20
# Phases have an error of eps times the sum of what they are made of: 1e-8 at this sum.
_LARGEST_PHASE = 5e7


class QuantumFidelity(Kernel):
    r"""Fidelity of two quantum states, prepared from two points by the ZZ feature map.

    :math:`k(x, y) = |\langle\Phi(x)|\Phi(y)\rangle|^2` with :math:`|\Phi(x)\rangle =
    (D_x H^{\otimes q})^{\text{reps}}\, |0\rangle` on a qubit for each of the q columns, and
    :math:`D_x = \exp i(\sum_i c x_i Z_i + \sum_{i,j} (\pi - c x_i)(\pi - c x_j) Z_i Z_j)`, the sum
    over pairs that ``entanglement`` names [1]_. It is Qiskit's ``zz_feature_map`` and
    ``FidelityStatevectorKernel`` to rounding.

    Parameters
    ----------
    reps : int >= 1, default=2
        Repetitions of the circuit.
    entanglement : {'full', 'linear', 'circular'} or list of pairs of int, default='full'
        Pairs of columns that interact: all, neighbours, or neighbours and the two ends.
    bandwidth : float > 0, default=1.0
        The c that multiplies each angle [2]_. Below one it holds off concentration (see Notes).
    bandwidth_bounds : pair of floats > 0 or "fixed", default=(1e-3, 1e1)
    shots : int >= 1 or None, default=None
        Estimate each fidelity from so many measurements, as a quantum computer does: the share of
        a binomial. None is exact.
    n_qubits : int or None, default=None
        Checked against the number of columns; None takes it as it is.
    random_state : int, RandomState instance or None, default=None
        Draws the measurements.

    Notes
    -----
    Columns are angles in radians: scale them to an interval such as [0, 2π].

    *Concentration*: with more qubits random states are ever more orthogonal. At bandwidth 1 the
    mean fidelity of different points falls like 2^-q, the Gram matrix tends to the identity, and
    nothing is learned: on the first six principal components of the wine data a support vector
    machine guesses. With a bandwidth of 0.02 it is right for 98 %. Choose it by cross-validation.

    With ``shots`` the matrix is symmetric with a diagonal of ones, but need not be positive
    semi-definite, and has no gradient.

    Diagonal phases and the fast Walsh-Hadamard transform make each state in O(reps q 2^q), and one
    complex matrix product the fidelities. Memory: states of as many points as fit scikit-learn's
    ``working_memory`` at a time. 24 qubits at most.

    References
    ----------
    .. [1] V. Havlíček et al., "Supervised learning with quantum-enhanced feature spaces", Nature
       567, 2019.
    .. [2] R. Shaydulin, S. M. Wild, "Importance of kernel bandwidth in quantum machine learning",
       Phys. Rev. A 106, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.kernels import QuantumFidelity
    >>> X = np.array([[0.1, 0.2], [0.3, 0.1], [2.0, 3.0]])
    >>> QuantumFidelity()(X).round(3)
    array([[1.   , 0.883, 0.174],
           [0.883, 1.   , 0.074],
           [0.174, 0.074, 1.   ]])
    """

    def __init__(
        self,
        reps=2,
        entanglement="full",
        bandwidth=1.0,
        bandwidth_bounds=(1e-3, 1e1),
        shots=None,
        n_qubits=None,
        random_state=None,
    ):
        self.reps = reps
        self.entanglement = entanglement
        self.bandwidth = bandwidth
        self.bandwidth_bounds = bandwidth_bounds
        self.shots = shots
        self.n_qubits = n_qubits
        self.random_state = random_state

    @property
    def hyperparameter_bandwidth(self):
        """The bandwidth, unless its bounds are fixed."""
        return Hyperparameter("bandwidth", "numeric", self.bandwidth_bounds)

    def is_stationary(self):
        """Whether the kernel depends on x - y alone: no."""
        return False

    def diag(self, X):
        """Ones, (n,)."""
        return np.ones(len(self._angles(X, "X")))

    def __call__(self, X, Y=None, eval_gradient=False):
        """Fidelities of the states of rows.

        Parameters
        ----------
        X : array-like of shape (n, q)
            Angles in radians.
        Y : array-like of shape (m, q), default=None
            None stands for X.
        eval_gradient : bool, default=False
            Return the gradient as well, for Y=None.

        Returns
        -------
        K : array of shape (n, m)
        gradient : array of shape (n, n, n_dims)
            With respect to ``theta``, the logarithm of the bandwidth if it is free.

        Raises
        ------
        ValueError
            If a parameter is out of range; X is not finite, has more than 24 columns, or holds
            angles so large that their products have no digits left; or a gradient is asked for
            with Y, or of fidelities from shots.
        """
        if eval_gradient and Y is not None:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        gradient = eval_gradient and not self.hyperparameter_bandwidth.fixed
        X = self._angles(X, "X")
        if self.shots is not None and gradient:
            raise ValueError(
                f"fidelities from shots={self.shots} measurements have no gradient; fit the "
                "bandwidth with shots=None, or hold it with bandwidth_bounds='fixed'."
            )
        other = X if Y is None else self._angles(Y, "Y")
        if other.shape[1] != X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} columns and Y has {other.shape[1]}.")
        K, dK = self._fidelities(X, None if Y is None else other, gradient)
        if self.shots is not None:
            K = self._measure(K, symmetric=Y is None)
        if not eval_gradient:
            return K
        return K, (dK[:, :, None] if gradient else np.empty((*K.shape, 0)))

    def states(self, X):
        """Amplitudes of the states of rows.

        Parameters
        ----------
        X : array-like of shape (n, q)
            Angles in radians.

        Returns
        -------
        amplitudes : complex array of shape (n, 2**q)
            Bit i of an index is qubit i, up to complex conjugation Qiskit's statevector.
        """
        return self._states(self._angles(X, "X"), False)[0].T

    def _fidelities(self, X, Y, gradient):
        symmetric = Y is None
        Y = X if symmetric else Y
        K = np.empty((len(X), len(Y)))
        dK: Any = np.empty_like(K) if gradient else None
        # States and their derivatives, of rows and of columns.
        each = 16 * 2 ** X.shape[1] * (4 if gradient else 2)
        size = max(1, chunk_bytes() // each)
        for i in range(0, len(X), size):
            rows = slice(i, min(i + size, len(X)))
            states, d_states = self._states(X[rows], gradient)
            for j in range(i if symmetric else 0, len(Y), size):
                columns = slice(j, min(j + size, len(Y)))
                same = symmetric and i == j
                right, d_right = (states, d_states) if same else self._states(Y[columns], gradient)
                overlap = states.conj().T @ right
                K[rows, columns] = overlap.real**2 + overlap.imag**2
                if gradient:
                    change = d_states.conj().T @ right + states.conj().T @ d_right
                    dK[rows, columns] = 2.0 * (overlap.conj() * change).real
                if symmetric and not same:
                    K[columns, rows] = K[rows, columns].T
                    if gradient:
                        dK[columns, rows] = dK[rows, columns].T
        np.minimum(K, 1.0, out=K)
        if symmetric:
            np.fill_diagonal(K, 1.0)
            if gradient:
                np.fill_diagonal(dK, 0.0)
        return K, dK

    def _states(self, X, gradient):
        """States (2^q, n), and their derivatives by the logarithm of the bandwidth or None."""
        size = 2 ** X.shape[1]
        states = np.empty((size, len(X)), dtype=complex)
        d_states: Any = np.empty_like(states) if gradient else None
        step = max(1, _WORK_BYTES // (16 * size))
        for i in range(0, len(X), step):
            part = slice(i, min(i + step, len(X)))
            state, d_state = self._run(X[part], gradient)
            states[:, part] = state
            if gradient:
                d_states[:, part] = d_state
        return states, d_states

    def _run(self, X, gradient):
        """The circuit, and its derivative alongside."""
        q = X.shape[1]
        size = 2**q
        phases = np.zeros((size, len(X)))
        slopes: Any = np.zeros((size, len(X))) if gradient else None
        angles = self.bandwidth * X.T
        # The phase Σ c_S Π Z over sets S of qubits is the transform of c, for Z = (-1)^bit.
        for i in range(q):
            phases[1 << i] = angles[i]
            if gradient:
                slopes[1 << i] = angles[i]
        for i, j in self._pairs(q):
            u, v = math.pi - angles[i], math.pi - angles[j]
            phases[1 << i | 1 << j] += u * v
            if gradient:
                slopes[1 << i | 1 << j] -= angles[i] * v + angles[j] * u
        largest = float(np.max(np.sum(np.abs(phases), axis=0)))
        if not largest < _LARGEST_PHASE:
            raise ValueError(
                f"X holds angles whose phases reach {largest:.1e} radians, which have no digits to "
                "spare modulo 2π; scale the columns to an interval such as [0, 2π]."
            )
        turns = np.exp(1j * walsh_hadamard(phases))
        if gradient:
            walsh_hadamard(slopes)
        root = 2.0 ** (-0.5 * q)
        state = turns * root
        d_state: Any = 1j * slopes * state if gradient else None
        for _ in range(self.reps - 1):
            state = turns * walsh_hadamard(state)
            state *= root
            if gradient:
                d_state = turns * walsh_hadamard(d_state)
                d_state *= root
                d_state += 1j * slopes * state
        return state, d_state

    def _pairs(self, q):
        if isinstance(self.entanglement, str):
            line = [(i, i + 1) for i in range(q - 1)]
            if self.entanglement == "full":
                return list(itertools.combinations(range(q), 2))
            if self.entanglement == "linear":
                return line
            if self.entanglement == "circular":
                return [*line, (q - 1, 0)] if q > 2 else line
        else:
            # An iterator would be empty the second time.
            is_collection = isinstance(self.entanglement, Collection)
            given: Any = self.entanglement if is_collection else [None]
            if all(_is_pair(pair, q) for pair in given):
                return [tuple(pair) for pair in given]
        raise ValueError(
            f"entanglement={self.entanglement!r} must be 'full', 'linear', 'circular' or a list of "
            f"pairs of different qubits, whole numbers from 0 to {q - 1}."
        )

    def _measure(self, K, *, symmetric):
        rng = check_random_state(self.random_state)
        if not symmetric:
            return rng.binomial(self.shots, K) / self.shots
        upper = np.triu_indices(len(K), 1)
        noisy = np.eye(len(K))
        noisy[upper] = rng.binomial(self.shots, K[upper]) / self.shots
        return noisy + np.triu(noisy, 1).T

    def _angles(self, X, name):
        """Checked rows, under checked parameters."""
        for parameter in ("reps", "shots"):
            value = getattr(self, parameter)
            if parameter == "shots" and value is None:
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{parameter}={value!r} must be a whole number >= 1.")
        bandwidth: Any = self.bandwidth
        if not (isinstance(bandwidth, Real) and 0.0 < float(bandwidth) < math.inf):
            raise ValueError(
                f"bandwidth={bandwidth!r} must be a number, positive and finite; 1.0 leaves "
                "the columns as they are."
            )
        X = as_rows(X, name)
        q = X.shape[1]
        if self.n_qubits is not None and self.n_qubits != q:
            raise ValueError(
                f"n_qubits={self.n_qubits!r} and {name} has {q} columns; give so many columns, or "
                "n_qubits=None."
            )
        if q > _MOST_QUBITS:
            raise ValueError(
                f"{name} has {q} columns, and a state of {q} qubits would take "
                f"{16 * 2.0 ** (q - 30):.3g} GiB; reduce them to {_MOST_QUBITS} at most, by "
                "principal components for instance."
            )
        return X

    def __repr__(self):
        shots = "" if self.shots is None else f", shots={self.shots}"
        return (
            f"{type(self).__name__}(reps={self.reps}, entanglement={self.entanglement!r}, "
            f"bandwidth={self.bandwidth:.3g}{shots})"
        )


def _is_pair(pair, q):
    return (
        isinstance(pair, Collection)
        and len(pair) == 2
        and all(
            isinstance(i, Integral) and not isinstance(i, bool) and 0 <= int(i) < q for i in pair
        )
        and len(set(pair)) == 2
    )
