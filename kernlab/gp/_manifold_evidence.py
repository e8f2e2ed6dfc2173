"""Bayesian linear regression on given features, with a prior that has a spectrum."""

# Reference: Rasmussen, Williams, *Gaussian Processes for Machine Learning*, 2006, section 2.1.

import math
from functools import cached_property

import numpy as np
import scipy.linalg as sl


def matern_spectrum(eigenvalues, length_scale, nu, dim):
    r"""Shares of the prior variance that eigenfunctions have, and their derivatives.

    Parameters
    ----------
    eigenvalues : ndarray of shape (k,)
        Of minus the Laplacian.
    length_scale : float
    nu : float
        Smoothness; inf is the heat kernel.
    dim : int
        Of the manifold.

    Returns
    -------
    shares : ndarray of shape (k,)
        :math:`(2\nu/\kappa^2 + \lambda)^{-\nu - d/2}`, or :math:`e^{-\kappa^2 \lambda / 2}`, over
        their sum.
    slopes : ndarray of shape (k,)
        Derivatives of ``log(shares)`` by the logarithm of the length scale.
    """
    if math.isinf(nu):
        energy = 0.5 * length_scale**2 * eigenvalues
        logs, slopes = -energy, -2.0 * energy
    else:
        # In units of 2 nu / length_scale², so that no scale of the data leaves the range.
        ratio = eigenvalues * length_scale**2 / (2.0 * nu)
        logs = -(nu + 0.5 * dim) * np.log1p(ratio)
        slopes = -(2.0 * nu + dim) * ratio / (1.0 + ratio)
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    return shares, slopes - shares @ slopes


class FeatureRegression:
    """Targets ``z = features @ w + noise``, with w normal of given variances.

    The features are reduced once by a QR decomposition, after which all costs O(r³), r the lesser
    of the numbers of targets and of features.

    Parameters
    ----------
    features : ndarray of shape (n, k)
    z : ndarray of shape (n,)
    """

    def __init__(self, features, z):
        self.n = len(z)
        if self.n > features.shape[1]:
            Q, self.R = sl.qr(features, mode="economic")
            self.z = Q.T @ z
            rest = z - Q @ self.z
            self.rest = float(rest @ rest)
        else:
            self.R, self.z, self.rest = features, z, 0.0

    def evidence(self, variances, noise):
        """Log marginal likelihood, with its derivatives by the variances and by the noise's.

        Raises
        ------
        LinAlgError
            If the covariance is singular in double precision.
        """
        r = len(self.z)
        covariance = (self.R * variances) @ self.R.T
        covariance[np.diag_indices(r)] += noise
        factor = sl.cho_factor(covariance, lower=True)
        weights = sl.cho_solve(factor, self.z)
        log_det = 2.0 * float(np.log(np.diag(factor[0])).sum()) + (self.n - r) * math.log(noise)
        square = float(self.z @ weights) + self.rest / noise
        value = -0.5 * (square + log_det + self.n * math.log(2.0 * math.pi))
        half = sl.solve_triangular(factor[0], self.R, lower=True)
        by_variances = 0.5 * ((weights @ self.R) ** 2 - np.sum(half**2, axis=0))
        inverse = sl.solve_triangular(factor[0], np.eye(r), lower=True)
        by_noise = 0.5 * float(weights @ weights - np.sum(inverse**2))
        by_noise += 0.5 * (self.rest / noise**2 - (self.n - r) / noise)
        return value, by_variances, by_noise

    def posterior(self, variances, noise):
        return Posterior(self.R, self.z, variances, noise)


class Posterior:
    """Law of the weights given the targets: N(mean, root' root)."""

    def __init__(self, R, z, variances, noise):
        self._scale = np.sqrt(variances)
        scaled = R * self._scale
        # Of the positive definite form, in which no variance is a difference.
        precision = scaled.T @ scaled / noise
        precision[np.diag_indices(len(precision))] += 1.0
        self._factor = sl.cholesky(precision, lower=True)
        self.mean = self._scale * sl.cho_solve((self._factor, True), scaled.T @ z / noise)

    @cached_property
    def root(self):
        return sl.solve_triangular(self._factor, np.diag(self._scale), lower=True)
