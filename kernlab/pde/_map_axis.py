"""One axis of the product kernel: a spectral mixture as weights on equispaced Fourier modes.

A mixture ``k(d) = Σ_q w_q e_q(d) cos(f_q d)`` has the spectrum ``S(ω) = Σ_q w_q ½[b_q(ω - f_q) +
b_q(ω + f_q)]`` where ``b_q`` is a normal density (Gaussian envelopes) or a Student-t density with
five degrees of freedom (Matérn-5/2 envelopes). On a period longer than the interval the modes
``cos ω_m x, sin ω_m x`` with variances ``2 S(ω_m) Δω`` are the same process, up to what wraps round.
All parameters enter those variances alone, and derivatives of the modes are exact.

No Gram matrix is formed: with ``B = Φ Λ^½`` the QR of ``[Bᵀ; εI]`` gives ``R`` with ``K + ε²I =
RᵀR``, whose condition number is the root of that of ``K``.
"""

from math import gamma, log, pi, sqrt

import numpy as np

# Standard deviation of the nugget, relative to the scale of the solution. GP-HM adds 1e-6 to K
# itself, a standard deviation of 1e-3; the square root is safe down to here.
NUGGET = 1e-8
# Padded period in lengths of the interval. Heavy tails in frequency mean slow decay in x nowhere,
# but a kink at the wrap: Student-t lines need the finer spacing to be told apart.
PADDING = {"gaussian": 2.13, "student-t": 4.03}
# log of the two densities at zero with unit scale
_LOG_PEAK = {
    "gaussian": -0.5 * log(2 * pi),
    "student-t": log(gamma(3.0) / (sqrt(5 * pi) * gamma(2.5))),
}


def log_bump(xp, distance, spectrum):
    """Log of the density of unit scale at ``distance``; ``xp`` is numpy or torch."""
    if spectrum == "gaussian":
        return _LOG_PEAK[spectrum] - 0.5 * distance * distance
    return _LOG_PEAK[spectrum] - 3.0 * xp.log1p(distance * distance / 5.0)


def mixture_variances(xp, modes, log_weights, log_scales, frequencies, spectrum):
    """Variances ``(n_modes,)`` of the modes, equal for the cosine and the sine of each.

    Parameters
    ----------
    xp : module
        numpy or torch, whichever the parameters are arrays of.
    modes : array of shape (n_modes,)
        Equispaced angular frequencies from zero.
    log_weights, log_scales, frequencies : arrays of shape (n_components,)
        Parameters of the mixture; scales and frequencies in radians per unit.
    spectrum : {'gaussian', 'student-t'}
    """
    spacing = modes[1] - modes[0]
    near = (modes[:, None] - frequencies) / xp.exp(log_scales)
    far = (modes[:, None] + frequencies) / xp.exp(log_scales)
    height = log_weights - log_scales
    density = xp.exp(height + log_bump(xp, near, spectrum)) + xp.exp(
        height + log_bump(xp, far, spectrum)
    )
    # two-sided density folded onto ω >= 0; the trapezoid's half weight falls on ω = 0
    variances = density.sum(1) * spacing
    half = xp.ones_like(modes)
    half[0] = 0.5
    return variances * half + 1e-290


def fourier(modes, offsets, order):
    """Derivatives of ``cos ωx`` and ``sin ωx``: two arrays of shape (n, n_modes).

    ``offsets`` are coordinates less the centre of the interval.
    """
    phase = np.outer(offsets, modes)
    cosine, sine = np.cos(phase), np.sin(phase)
    turns = [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)]
    return tuple(part * modes**order for part in turns[order % 4])


class MixtureAxis:
    """Nodes of one axis, the modes that carry its kernel, and the square root of the kernel.

    Parameters
    ----------
    low, high : float
        The interval.
    n_points : int
        Nodes, equispaced and with both ends, as the paper's.
    spectrum : {'gaussian', 'student-t'}
    highest : float
        Largest angular frequency of a mode.
    orders : sequence of int
        Orders of the derivatives that the equation needs along this axis.
    torch, device : module, torch.device
        Where to compute.
    """

    def __init__(self, low, high, n_points, *, spectrum, highest, orders, torch, device):
        self.low, self.high = float(low), float(high)
        self.spectrum = spectrum
        self.torch = torch
        length = self.high - self.low
        self.centre = 0.5 * (self.low + self.high)
        self.spacing = 2 * pi / (PADDING[spectrum] * length)
        self.modes = np.arange(int(np.ceil(highest / self.spacing)) + 1) * self.spacing
        # written so that the nodes are symmetric about the centre to the last bit: parity splits
        # every factorisation below into an even and an odd half, at a quarter of the cost
        self.offsets = np.linspace(-0.5, 0.5, n_points) * length
        self.offsets = 0.5 * (self.offsets - self.offsets[::-1])
        self.nodes = self.centre + self.offsets
        self.nodes[0], self.nodes[-1] = self.low, self.high
        self.orders = sorted({0, *orders})
        n_even = n_points - n_points // 2
        self._n_odd = n_points // 2
        self._half = {}
        for order in self.orders:
            cosine, sine = fourier(self.modes, self.offsets[:n_even], order)
            self._half[order] = (self._tensor(cosine, device), self._tensor(sine[:, 1:], device))
        # orthonormal even and odd combinations of mirrored nodes
        mix = np.full((n_even, 1), sqrt(2.0))
        mix[self._n_odd :] = 1.0
        self._mix = self._tensor(mix, device)
        self._modes = self._tensor(self.modes, device)

    def _tensor(self, array, device):
        return self.torch.as_tensor(np.ascontiguousarray(array), device=device)

    def variances(self, log_weights, log_scales, frequencies):
        """Variances of the modes as a tensor of shape (n_modes,)."""
        return mixture_variances(
            self.torch, self._modes, log_weights, log_scales, frequencies, self.spectrum
        )

    def root(self, variances):
        """Square root of the kernel at the nodes, an :class:`AxisRoot`, differentiable."""
        torch = self.torch
        deviations = variances.sqrt()
        parts = []
        cosine, sine = self._half[0]
        for features, amplitude, size in (
            (cosine * self._mix, deviations, len(cosine)),
            (sine[: self._n_odd] * sqrt(2.0), deviations[1:], self._n_odd),
        ):
            nugget = NUGGET * torch.eye(size, dtype=features.dtype, device=features.device)
            q, r = torch.linalg.qr(torch.cat([(features * amplitude).T, nugget]))
            parts.append((q[: len(amplitude)], r, amplitude))
        return AxisRoot(self, parts)


class AxisRoot:
    """``U = Rᵀζ`` at the nodes and its derivatives, for one set of parameters.

    Attributes
    ----------
    values : dict of int to tensor of shape (n_points, n_points)
        ``values[m] @ ζ`` is the derivative of order m at the nodes: for m = 0 it is ``Rᵀζ``, for
        the others the conditional mean ``K^(m) K⁻¹ U``.
    log_determinant : tensor
        ``log |det R|``, half of that of the Gram matrix.
    """

    def __init__(self, axis, parts):
        self.axis = axis
        self._parts = parts
        torch = axis.torch
        n_odd = axis._n_odd
        self.log_determinant = sum(r.diagonal().abs().log().sum() for _, r, _ in parts)
        (even_q, even_r, even_amplitude), (odd_q, odd_r, odd_amplitude) = parts
        self.values = {}
        for order in axis.orders:
            cosine, sine = axis._half[order]
            if order == 0:
                even, odd = even_r.T / axis._mix, odd_r.T / sqrt(2.0)
                if len(even) > n_odd:
                    odd = torch.cat([odd, torch.zeros_like(odd[:1])])
            else:
                even = (cosine * even_amplitude) @ even_q
                odd = (sine * odd_amplitude) @ odd_q
            sign = -1.0 if order % 2 else 1.0
            half = torch.cat([even, odd], 1)
            mirrored = torch.cat([sign * even, -sign * odd], 1)[:n_odd].flip(0)
            self.values[order] = torch.cat([half, mirrored])

    def numpy(self):
        """Mixing matrices for points off the grid: (deviations, Q) of the even and odd half."""
        return [
            (amplitude.detach().cpu().numpy(), q.detach().cpu().numpy())
            for q, _, amplitude in self._parts
        ]
