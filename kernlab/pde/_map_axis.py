"""One axis of the product kernel: a spectral mixture as variances of equispaced Fourier modes.

A mixture ``k(d) = Σ_q w_q e_q(d) cos(f_q d)`` has the spectrum ``S(ω) = Σ_q w_q ½[b_q(ω - f_q) +
b_q(ω + f_q)]``; ``b_q`` is a normal density (Gaussian envelopes) or a Student-t density of five
degrees of freedom (Matérn-5/2 envelopes). On a period longer than the interval the modes ``cos ω_m
x, sin ω_m x`` with variances ``2 S(ω_m) Δω`` are the same process, but for what wraps round. All
parameters enter those variances alone, and derivatives of the modes are exact.

No Gram matrix is formed: with ``B = Φ Λ^½`` the QR of ``[Bᵀ; εI]`` gives ``R`` with ``K + ε²I =
RᵀR``, and the condition number of ``R`` is the root of that of ``K``.
"""

from math import gamma, log, pi, sqrt

import numpy as np

# Standard deviation of the nugget in units of the solution's scale. GP-HM adds 1e-6 to K, a
# standard deviation of 1e-3; a square root of K keeps its digits down to here.
NUGGET = 1e-8
# Padded period in lengths of the interval, which is also how narrow a line can be: a line of
# Student-t shape has tails that hide its neighbours, so its modes are set closer.
PADDING = {"gaussian": 2.13, "student-t": 4.03}
_LOG_PEAK = {
    "gaussian": -0.5 * log(2 * pi),
    "student-t": log(gamma(3.0) / (sqrt(5 * pi) * gamma(2.5))),
}


def mixture_variances(xp, modes, log_weights, log_scales, frequencies, spectrum):
    """Variances ``(n_modes,)`` of the modes, those of cosine and sine alike.

    Parameters
    ----------
    xp : module
        numpy or torch, whichever the parameters are arrays of.
    modes : array of shape (n_modes,)
        Equispaced angular frequencies from zero.
    log_weights, log_scales, frequencies : arrays of shape (n_components,)
        The mixture; widths of the lines and frequencies in radians per unit.
    spectrum : {'gaussian', 'student-t'}
    """

    def bump(distance):
        square = (distance / xp.exp(log_scales)) ** 2
        power = -0.5 * square if spectrum == "gaussian" else -3.0 * xp.log1p(square / 5.0)
        return xp.exp(log_weights - log_scales + _LOG_PEAK[spectrum] + power)

    column = modes[:, None]
    variances = (bump(column - frequencies) + bump(column + frequencies)).sum(1)
    # The two-sided spectrum is folded onto ω >= 0, so that ω = 0 counts half.
    share = xp.ones_like(modes) * (modes[1] - modes[0])
    share[0] *= 0.5
    return variances * share + np.finfo(float).tiny


class MixtureAxis:
    """Nodes of one axis, the modes that carry its kernel, and the square root of that kernel.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    n_points : int
        Nodes: equispaced and with both ends, as the paper's.
    spectrum : {'gaussian', 'student-t'}
    highest : float
        Largest angular frequency of a mode.
    orders : iterable of int
        Orders of the derivatives that are needed along this axis.
    torch, device : module, torch.device
        What computes, and where.

    Attributes
    ----------
    nodes : array of shape (n_points,)
    modes : array of shape (n_modes,)
    spacing : float
        Distance of the modes.
    parity : array of shape (n_points,)
        0 for the even and 1 for the odd entries of ζ.
    """

    def __init__(self, low, high, n_points, *, spectrum, highest, orders, torch, device):
        self.low, self.high = float(low), float(high)
        self.spectrum, self.torch, self.device = spectrum, torch, device
        self.centre = 0.5 * self.low + 0.5 * self.high
        length = self.high - self.low
        self.spacing = 2 * pi / (PADDING[spectrum] * length)
        self.modes = np.arange(int(np.ceil(highest / self.spacing)) + 1) * self.spacing
        # Symmetric about the centre to the last bit: parity then splits each factorisation into
        # an even and an odd half, at a quarter of the cost.
        offsets = np.linspace(-0.5, 0.5, n_points) * length
        self.nodes = self.centre + 0.5 * (offsets - offsets[::-1])
        self.nodes[[0, -1]] = self.low, self.high
        self.orders = sorted({0, *orders})
        self.n_odd, self.n_even = n_points // 2, n_points - n_points // 2
        self.parity = np.repeat([0, 1], [self.n_even, self.n_odd])
        self._halves = {}
        for order in self.orders:
            cosine, sine = self._waves(offsets[: self.n_even], order)
            self._halves[order] = self.tensor(cosine), self.tensor(sine)
        # Orthonormal even combinations of mirrored nodes; the middle one is its own mirror image.
        mix = np.full((self.n_even, 1), sqrt(2.0))
        mix[self.n_odd :] = 1.0
        self._mix = self.tensor(mix)
        self._modes = self.tensor(self.modes)

    @property
    def n_features(self):
        return 2 * len(self.modes) - 1

    def tensor(self, array):
        return self.torch.tensor(array, device=self.device)

    def _waves(self, offsets, order):
        """Derivatives of cos ωx (n, n_modes) and of sin ωx (n, n_modes - 1), x from the centre."""
        phase = np.outer(offsets, self.modes)
        cosine, sine = np.cos(phase), np.sin(phase)
        turns = [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)]
        cosine, sine = turns[order % 4]
        powers = self.modes**order
        return cosine * powers, (sine * powers)[:, 1:]

    def features(self, x, order=0):
        """Derivatives of the modes, cosines and then sines: shape (n, n_features)."""
        return np.hstack(self._waves(np.asarray(x, dtype=float) - self.centre, order))

    def variances(self, log_weights, log_scales, frequencies):
        """Variances of the modes as a tensor of shape (n_modes,)."""
        return mixture_variances(
            self.torch, self._modes, log_weights, log_scales, frequencies, self.spectrum
        )

    def root(self, variances):
        """Square root of the kernel at the nodes: an :class:`AxisRoot`, differentiable."""
        torch = self.torch
        deviations = variances.sqrt()
        cosine, sine = self._halves[0]
        parts = []
        for features, amplitudes in (
            (cosine * self._mix, deviations),
            (sine[: self.n_odd] * sqrt(2.0), deviations[1:]),
        ):
            nugget = NUGGET * torch.eye(len(features), dtype=features.dtype, device=self.device)
            q, r = torch.linalg.qr(torch.cat([(features * amplitudes).T, nugget]))
            parts.append((amplitudes, q, r))
        return AxisRoot(self, parts)


class AxisRoot:
    """The nodes' values ``Rᵀζ`` and their derivatives, for one set of parameters.

    Attributes
    ----------
    values : dict of int to tensor of shape (n_points, n_points)
        ``values[m] @ ζ`` is the derivative of order m at the nodes. ζ holds an even and an odd
        half. For m = 0 this is ``Rᵀζ = U``, else the conditional mean ``K^(m) K⁻¹ U``.
    log_determinant : tensor
        ``log |det R|``, half that of the Gram matrix.
    """

    def __init__(self, axis, parts):
        self.axis, self._parts = axis, parts
        torch, n_odd = axis.torch, axis.n_odd
        self.log_determinant = sum(r.diagonal().abs().log().sum() for _, _, r in parts)
        (even_amplitudes, even_q, even_r), (odd_amplitudes, odd_q, odd_r) = parts
        self.values = {}
        for order in axis.orders:
            if order == 0:
                even, odd = even_r.T / axis._mix, odd_r.T / sqrt(2.0)
                if axis.n_even > n_odd:
                    odd = torch.cat([odd, torch.zeros_like(odd[:1])])
            else:
                cosine, sine = axis._halves[order]
                even = (cosine * even_amplitudes) @ even_q[: len(even_amplitudes)]
                odd = (sine * odd_amplitudes) @ odd_q[: len(odd_amplitudes)]
            sign = -1.0 if order % 2 else 1.0
            mirrored = torch.cat([sign * even, -sign * odd], 1)[:n_odd].flip(0)
            self.values[order] = torch.cat([torch.cat([even, odd], 1), mirrored])

    def mixing(self):
        """Deviations (n_features,) of the modes, Q₁ (n_features, n_points), Q₂ (n_points,) * 2.

        ``axis.features(x, m) * deviations @ Q₁ @ ζ`` is the conditional mean anywhere; ``[Q₁; Q₂]``
        is orthonormal. All are NumPy.
        """
        n, n_even, n_modes = len(self.axis.nodes), self.axis.n_even, len(self.axis.modes)
        top, bottom = np.zeros((self.axis.n_features, n)), np.zeros((n, n))
        (even_amplitudes, even, _), (odd_amplitudes, odd, _) = [
            [part.detach().cpu().numpy() for part in parts] for parts in self._parts
        ]
        top[:n_modes, :n_even], bottom[:n_even, :n_even] = np.split(even, [n_modes])
        top[n_modes:, n_even:], bottom[n_even:, n_even:] = np.split(odd, [n_modes - 1])
        return np.concatenate([even_amplitudes, odd_amplitudes]), top, bottom
