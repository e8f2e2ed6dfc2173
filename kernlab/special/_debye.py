"""Coefficients of the uniform (Debye) expansions of the modified Bessel functions, and of 1/Γ.

With ``ρ² = v² + x²`` and ``w = v²/ρ²`` the expansions for large order read, for *any* real order,

    I_v(x) ~ e^ρ (x/(v+ρ))^v / √(2πρ) · Σ_k p_k(w) ρ^-k,
    K_v(x) ~ √(π/2ρ) e^-ρ ((v+ρ)/x)^v · Σ_k (-1)^k p_k(w) ρ^-k,

where ``u_k(t) = t^k p_k(t²)`` are Debye's polynomials. Written so, they hold at v = 0 too, where
they are Hankel's expansions, and ``|p_k(w)| <= p_k(0)`` on 0 <= w <= 1: one bound in ρ serves every
order, and one expansion serves where others switch between Hankel's and Debye's.
"""

# Reference: NIST Digital Library of Mathematical Functions, 10.40 (Hankel), 10.41 (Debye).

from fractions import Fraction

import numpy as np

# From here on N_TERMS terms leave less than TRUNCATED of the sum.
FAR = 26.0
N_TERMS = 16
TRUNCATED = 5e-17


def _polynomials(last):
    """Exact coefficients of ``p_0 … p_last``; from the recurrence of u_k, DLMF 10.41.9."""
    polynomials = [[Fraction(1)]]
    for k in range(last):
        following = [Fraction(0)] * (k + 2)
        for j, c in enumerate(polynomials[-1]):
            derivative = (k + 2 * j) * c / 2
            following[j] += derivative + c / 8 / (k + 2 * j + 1)
            following[j + 1] -= derivative + 5 * c / 8 / (k + 2 * j + 3)
        polynomials.append(following)
    return polynomials


def _tables():
    exact = _polynomials(N_TERMS + 1)
    p = np.zeros((N_TERMS + 1, N_TERMS + 1))
    d = np.zeros((N_TERMS + 1, N_TERMS + 1))
    for k in range(N_TERMS + 1):
        for j, c in enumerate(exact[k]):
            p[k, j] = float(c)
        if k:
            for j, c in enumerate(exact[k - 1]):
                d[k, j] = float((k - Fraction(1, 2) + 2 * j) * c)
    # ρ from which on the terms after the k-th may be dropped.
    enough = np.array(
        [(float(exact[k + 1][0]) / TRUNCATED) ** (1 / (k + 1)) for k in range(N_TERMS + 1)]
    )
    return p, d, enough


# p[k, j] is the coefficient of w^j in p_k. d[k, j] likewise in the expansion of the derivative:
# I_{v+1}(x)/I_v(x) = x/(ρ+v) - (x/ρ)·Σ d_k(w) ρ^-k / Σ p_k(w) ρ^-k, after the exponential factors
# and the leading terms have cancelled analytically (DLMF 10.41.3, 10.41.5, 10.41.9).
DEBYE, DEBYE_RATIO, DEBYE_ENOUGH = _tables()

# Taylor coefficients of 1/Γ(1+z) at 0 (Wrench 1968), enough for |z| <= 1/2.
RECIPROCAL_GAMMA = np.array(
    [
        1.0,
        0.5772156649015329,
        -0.6558780715202539,
        -0.04200263503409524,
        0.16653861138229148,
        -0.04219773455554433,
        -0.009621971527876973,
        0.0072189432466631,
        -0.0011651675918590652,
        -0.00021524167411495098,
        0.0001280502823881162,
        -2.013485478078824e-05,
        -1.2504934821426706e-06,
        1.133027231981696e-06,
        -2.056338416977607e-07,
        6.116095104481416e-09,
        5.002007644469223e-09,
        -1.18127457048702e-09,
        1.0434267116911005e-10,
        7.782263439905071e-12,
    ]
)
