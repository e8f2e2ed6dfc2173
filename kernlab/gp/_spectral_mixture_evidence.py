"""Covariances, evidence and posterior of a spectral mixture, with its gradient in closed form.

``theta`` holds logarithms of frequencies, scales (both Q·d, component by component), weights (Q)
and the noise, in the order of ``kernel_.theta``. Arrays are NumPy's or another library's, on its
device.
"""

# References: Wilson, Adams, *Gaussian process kernels for pattern discovery and extrapolation*,
# ICML 2013 (the kernel); Rasmussen, Williams, *Gaussian Processes for Machine Learning*, 2006,
# eq. 5.9 (gradient) and section 2.7 (explicit mean with a flat prior).

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from scipy.linalg import lapack

from kernlab._core.namespace import (
    device_of,
    from_numpy,
    is_numpy_namespace,
    namespace_of,
    scalar,
    to_numpy,
)

# Entries of a block of rows: some arrays of it stay in the processor's cache.
_BLOCK = 1 << 17


@dataclass(frozen=True)
class Mixture:
    """``Σ_q weights_q Π_d exp(-2π² scales_qd² Δ_d²) cos(2π frequencies_qd Δ_d)``."""

    frequencies: np.ndarray  # (Q, d)
    scales: np.ndarray  # (Q, d)
    weights: np.ndarray  # (Q,)
    noise: float

    @classmethod
    def from_theta(cls, theta, d):
        q = (len(theta) - 1) // (2 * d + 1)
        values = np.exp(theta)
        frequencies, scales = values[: q * d], values[q * d : 2 * q * d]
        return cls(
            frequencies.reshape(q, d), scales.reshape(q, d), values[2 * q * d : -1], values[-1]
        )

    @property
    def theta(self):
        parts = (self.frequencies.ravel(), self.scales.ravel(), self.weights, [self.noise])
        return np.log(np.concatenate(parts))


def covariance(mixture, A, B):
    """Covariance of the noiseless process between rows of ``A`` and of ``B``, (n, m)."""
    xp = namespace_of(A)
    table = xp.empty((A.shape[0], B.shape[0]), dtype=A.dtype, device=device_of(A))
    for rows in _blocks(mixture, A.shape[0], B.shape[0]):
        table[rows] = _Tables.of(mixture, A[rows], B).value()
    return table


def _blocks(mixture, n, m):
    step = max(1, _BLOCK // max(m * len(mixture.weights), 1))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _lower_blocks(mixture, n):
    """Rows and columns of the blocks that hold the lower triangle of a covariance."""
    return [(rows, slice(0, rows.stop)) for rows in _blocks(mixture, n, n)]


@dataclass
class _Tables:
    """The components between two sets of points, as factors.

    ``cos(2πf(a - b))`` is the product of ``left`` and ``right``, the cosines and sines of the
    points, so that no table of cosines is evaluated.
    """

    differences: Any  # (d, n, m)
    squares: Any  # (d, n, m)
    envelope: Any  # (Q, n, m), w exp(-2π² Σ s² Δ²)
    left: list  # d times (Q, n, 2)
    right: list  # d times (Q, 2, m)

    @classmethod
    def of(cls, mixture, A, B):
        xp = namespace_of(A)
        differences = A.T[:, :, None] - B.T[:, None, :]
        squares = differences * differences
        rates = from_numpy(-2 * math.pi**2 * mixture.scales**2, A)
        weights = from_numpy(mixture.weights, A)
        envelope = weights[:, None, None] * xp.exp(xp.tensordot(rates, squares, axes=1))
        angular = from_numpy(2 * math.pi * mixture.frequencies, A)
        left, right = [], []
        for k in range(A.shape[1]):
            a, b = angular[:, k, None] * A[:, k], angular[:, k, None] * B[:, k]
            left.append(xp.stack([xp.cos(a), xp.sin(a)], axis=2))
            right.append(xp.stack([xp.cos(b), xp.sin(b)], axis=1))
        return cls(differences, squares, envelope, left, right)

    def cosine(self, k):
        return self.left[k] @ self.right[k]

    def value(self):
        value = self.envelope
        for k in range(len(self.left)):
            value = value * self.cosine(k)
        return namespace_of(value).sum(value, axis=0)

    def slopes(self, block):
        """Sums with ``block`` (n, m) of the components (Q,), times Δ² (d, Q), and turned (d, Q)."""
        xp = namespace_of(block)
        d = len(self.left)
        weighted = block * self.envelope
        # Products of the cosines after each coordinate; those before it join on the way.
        after: list = [1.0] * d
        for k in reversed(range(d - 1)):
            after[k] = self.cosine(k + 1) * after[k + 1]
        plain, squared, turned = None, [], []
        for k, left in enumerate(self.left):
            right = xp.matrix_transpose(self.right[k])
            others = weighted if d == 1 else weighted * after[k]
            if plain is None:
                plain = xp.sum(left * (others @ right), axis=(1, 2))
            squared.append(xp.sum(left * ((others * self.squares[k]) @ right), axis=(1, 2)))
            moved = (others * self.differences[k]) @ right
            sine = left[:, :, 1] * moved[:, :, 0] - left[:, :, 0] * moved[:, :, 1]
            turned.append(xp.sum(sine, axis=1))
            if k + 1 < d:
                weighted = weighted * self.cosine(k)
        return plain, xp.stack(squared), xp.stack(turned)


def _gradient(mixture, u, outer):
    """½ Σ_ij outer_ij ∂K_ij/∂theta, from the symmetric table ``outer`` (n, n)."""
    xp = namespace_of(u)
    sums = [0.0, 0.0, 0.0]
    for rows, columns in _lower_blocks(mixture, u.shape[0]):
        block = outer[rows, columns]
        if rows.start:
            # What is above the triangle is not visited: its mirror image counts twice.
            block = xp.concat([2 * block[:, : rows.start], block[:, rows.start :]], axis=1)
        slopes = _Tables.of(mixture, u[rows], u[columns]).slopes(block)
        sums = [total + slope for total, slope in zip(sums, slopes, strict=True)]
    in_weights, in_scales, in_frequencies = (to_numpy(total).T for total in sums)
    in_scales = in_scales * (-4 * math.pi**2 * mixture.scales**2)
    in_frequencies = in_frequencies * (-2 * math.pi * mixture.frequencies)
    trace = scalar(xp.sum(xp.linalg.diagonal(outer)))
    gradients = (in_frequencies.ravel(), in_scales.ravel(), in_weights, [mixture.noise * trace])
    return 0.5 * np.concatenate(gradients)


@dataclass(frozen=True)
class Posterior:
    """A mixture conditioned on values ``z`` at ``u``, with an explicit mean in ``basis`` or none.

    The coefficients of the mean have a flat prior; the evidence is then that of the ``n - r``
    contrasts that do not see it (restricted likelihood).
    """

    mixture: Mixture
    u: Any  # (n, d)
    root_inverse: Any  # (n, n), lower: K⁻¹ = root_inverseᵀ root_inverse
    alpha: Any  # (n,), K⁻¹ (z - mean)
    coefficients: Any  # (r,) or None
    whitened: Any  # (n, r), orthonormal columns of root_inverse basis, or None
    mean_root: Any  # (r, r), (basisᵀ K⁻¹ basis)^-1/2, or None
    log_evidence: float
    jitter: float

    @classmethod
    def condition(cls, mixture, u, z, basis=None):
        """Factorise; LinAlgError where no small jitter makes that possible."""
        xp = namespace_of(u)
        n = u.shape[0]
        table = xp.zeros((n, n), dtype=u.dtype, device=device_of(u))
        for rows, columns in _lower_blocks(mixture, n):
            table[rows, columns] = _Tables.of(mixture, u[rows], u[columns]).value()
        root_inverse, log_root, jitter = factor(table, mixture.noise)
        white = root_inverse @ z
        coefficients = whitened = mean_root = None
        rank, log_mean = 0, 0.0
        if basis is not None:
            rank = basis.shape[1]
            whitened, triangle = xp.linalg.qr(root_inverse @ basis)
            log_mean = scalar(xp.sum(xp.log(xp.abs(xp.linalg.diagonal(triangle)))))
            mean_root = xp.linalg.inv(triangle)
            share = whitened.T @ white
            coefficients = mean_root @ share
            white = white - whitened @ share
        log_evidence = (
            -0.5 * scalar(xp.sum(white * white))
            - log_root
            - log_mean
            - 0.5 * (n - rank) * math.log(2 * math.pi)
        )
        alpha = root_inverse.T @ white
        return cls(
            mixture,
            u,
            root_inverse,
            alpha,
            coefficients,
            whitened,
            mean_root,
            log_evidence,
            jitter,
        )

    def gradient(self):
        """Gradient of the log evidence in theta."""
        inverse = self.root_inverse.T @ self.root_inverse
        if self.whitened is not None:
            seen = self.root_inverse.T @ self.whitened
            inverse = inverse - seen @ seen.T
        outer = self.alpha[:, None] * self.alpha[None, :] - inverse
        return _gradient(self.mixture, self.u, outer)

    def mean(self, points, basis=None):
        """Posterior mean at ``points`` (m, d)."""
        cross = covariance(self.mixture, points, self.u)
        mean = cross @ self.alpha
        return mean if basis is None else mean + basis @ self.coefficients

    def covariance(self, points, basis=None, *, diagonal=False):
        """Posterior covariance of values at ``points``, noise included, or its diagonal."""
        xp = namespace_of(points)
        white = self.root_inverse @ covariance(self.mixture, self.u, points)
        noise = self.mixture.noise
        extra = None
        if basis is not None:
            extra = self.mean_root.T @ basis.T - self.whitened.T @ white
        if diagonal:
            variance = float(np.sum(self.mixture.weights)) - xp.sum(white * white, axis=0)
            if extra is not None:
                variance = variance + xp.sum(extra * extra, axis=0)
            # Rounding may take what is left of the prior below zero; the noise stays.
            return xp.where(variance > 0, variance, xp.zeros_like(variance)) + noise
        table = covariance(self.mixture, points, points) - white.T @ white
        if extra is not None:
            table = table + extra.T @ extra
        eye = xp.eye(points.shape[0], dtype=table.dtype, device=device_of(table))
        return table + noise * eye


def factor(table, noise):
    """Inverse Cholesky factor of ``table + noise I``, half its log-determinant, the jitter added.

    The jitter grows from rounding size only as far as the factorisation needs.
    """
    xp = namespace_of(table)
    n = table.shape[0]
    scale = max(scalar(table[0, 0]) + noise, np.finfo(float).tiny)
    eye = xp.eye(n, dtype=table.dtype, device=device_of(table))
    for jitter in (0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8):
        root = _cholesky(table + (noise + n * jitter * scale) * eye)
        if root is not None:
            log_root = scalar(xp.sum(xp.log(xp.linalg.diagonal(root))))
            return _inverted(root), log_root, n * jitter * scale
    raise np.linalg.LinAlgError(
        f"the covariance of {n} points is not positive definite with noise {noise:.1e} of the "
        f"targets' variance, even with a jitter of {n * jitter * scale:.1e}; X or theta is beyond "
        "double precision: rescale X, or give a greater noise."
    )


def _cholesky(table):
    if is_numpy_namespace(namespace_of(table)):
        root, info = lapack.dpotrf(table, lower=True, clean=True)
        return root if info == 0 else None
    xp = namespace_of(table)
    try:
        root = xp.linalg.cholesky(table)
    except RuntimeError:  # torch's LinAlgError is one
        return None
    return root if bool(xp.all(xp.isfinite(root))) else None


def _inverted(root):
    if is_numpy_namespace(namespace_of(root)):
        return lapack.dtrtri(root, lower=True)[0]
    xp = namespace_of(root)
    return xp.linalg.inv(root)


def polynomial_basis(u, degree, transform=None):
    """Monomials up to ``degree`` in all coordinates, made orthonormal on the data.

    Returns the basis (n, r) and the transform that makes it of new points; r is less than the
    number of monomials where the data do not tell them apart.
    """
    xp = namespace_of(u)
    d = u.shape[1]
    columns = [xp.ones_like(u[:, 0])]
    for total in range(1, degree + 1):
        for factors in combinations_with_replacement(range(d), total):
            column = columns[0]
            for k in factors:
                column = column * (2 * u[:, k])
            columns.append(column)
    table = xp.stack(columns, axis=1)
    if transform is None:
        _, s, vt = np.linalg.svd(to_numpy(table), full_matrices=False)
        kept = s > 1e-10 * s[0]
        transform = vt[kept].T / s[kept]
    return table @ from_numpy(transform, table), transform


def bumps(frequencies, centre, scale):
    """Normal densities about ± ``centre``, halved, for each column."""
    height = 0.5 / (math.sqrt(2 * math.pi) * scale)
    right = np.exp(-0.5 * ((frequencies - centre) / scale) ** 2)
    left = np.exp(-0.5 * ((frequencies + centre) / scale) ** 2)
    return height * (right + left)
