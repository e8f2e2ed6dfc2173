"""Layers of an infinitely wide network: covariances, slopes, and their differentials."""

# A layer is (K, slope, dK, dslope): the covariance of the inputs of the next units (n, m); the
# factor that a derivative gains on its way through the layer, σ_w² E φ'φ' (n, m), None in the first
# layer; and the differentials of both along log σ_b² and log σ_w², (2, n, m) or None. Kernels fold
# the layers.

import math
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

# How log σ_b² and log σ_w² change as one of them grows: rows are the two directions.
_ALONG = ((1.0, 0.0), (0.0, 1.0))
# Duals of smooth activations have an error of eps times the variance.
_LARGEST_VARIANCE = 1e8


def variances_of(X, b, w):
    """K⁰ of each row with itself, (n,)."""
    with np.errstate(over="ignore"):
        variances = b + w * np.einsum("ij,ij->i", X, X) / X.shape[1]
    if not np.all(np.isfinite(variances)):
        raise ValueError(
            f"X holds {np.max(np.abs(X)):.3g}, whose square is no finite number; standardise X."
        )
    return variances


def _first_logs(k, b):
    """d log K⁰_xx along log σ_b² and log σ_w², (2, n); a row of zeros without bias stays zero."""
    share = np.divide(b, k, out=np.zeros_like(k), where=k > 0.0)
    return np.stack([share, np.where(k > 0.0, 1.0 - share, 0.0)])


def smooth_layers(dual, X, Y, b, w, depth, *, slopes, gradient):
    """Layers by recursion of the covariances, for duals that are smooth where points coincide."""
    same = X is Y
    kx = variances_of(X, b, w)
    ky = kx if same else variances_of(Y, b, w)
    largest = max(np.max(kx, initial=0.0), np.max(ky, initial=0.0))
    if largest > _LARGEST_VARIANCE:
        raise ValueError(
            f"the first layer's inputs have standard deviation {math.sqrt(largest):.1e}, at which "
            "this activation leaves no digits of their differences; standardise X, or use 'relu'."
        )
    K = b + w * (X @ Y.T) / X.shape[1]
    rx: Any = None
    ry: Any = None
    dK: Any = None
    d_slope: Any = None
    if gradient:
        rx, ry = _first_logs(kx, b), _first_logs(ky, b)
        dK = np.stack([np.full_like(K, b), K - b])
    yield K, None, dK, None
    for _ in range(depth):
        F, G, push = dual.pair(kx, ky, K, slopes)
        mx, _, mx_log = dual.moments(kx)
        my, _, my_log = (mx, _, mx_log) if same else dual.moments(ky)
        if gradient:
            pushed = [push(rx[i], ry[i], dK[i]) for i in range(2)]
            dK = np.stack(
                [b * db + w * (F * dw + d[0]) for (db, dw), d in zip(_ALONG, pushed, strict=True)]
            )
            if slopes:
                d_slope = np.stack(
                    [w * (G * dw + d[1]) for (_, dw), d in zip(_ALONG, pushed, strict=True)]
                )
            rx, ry = (
                np.stack(
                    [(b * db + w * (m * dw + m_log * r[i])) for i, (db, dw) in enumerate(_ALONG)]
                )
                / np.where(b + w * m > 0.0, b + w * m, 1.0)
                for m, m_log, r in ((mx, mx_log, rx), (my, my_log, ry))
            )
        kx, K = b + w * mx, b + w * F
        ky = kx if same else b + w * my
        yield K, (w * G if slopes else None), dK, d_slope


def angular_layers(dual, X, Y, b, w, depth, *, slopes, gradient):
    """Layers by recursion of the angle θ between u and v, for homogeneous duals.

    What a covariance lacks of its largest value, √(kx ky) - K, is formed by sums of positive terms,
    so that angles keep their digits where points nearly coincide, and their differentials too.
    """
    kx, ky = variances_of(X, b, w), variances_of(Y, b, w)
    theta = _angles(X, Y, b, w)
    s = np.sqrt(kx)[:, None] * np.sqrt(ky)
    sine = np.sin(theta)
    rx: Any = None
    ry: Any = None
    d_theta: Any = None
    dK: Any = None
    d_slope: Any = None
    if gradient:
        rx, ry = _first_logs(kx, b), _first_logs(ky, b)
        # s² - K² = w² (|x|²|y|² - (x·y)²)/d² + w b |x - y|²/d, and θ = atan2(√(s² - K²), K) does
        # not change when b and w grow alike.
        apart = w * cdist(X, Y, "sqeuclidean") / X.shape[1]
        turn = s * sine - np.cos(theta) * _ratio(apart, 2.0 * sine)
        turn = b * _ratio(_ratio(turn, s), s)
        d_theta = np.stack([-turn, turn])
        K = s * np.cos(theta)
        dK = np.stack([np.full_like(K, b), K - b])
    yield s * np.cos(theta), None, dK, None
    for _ in range(depth):
        cosine_lack = 2.0 * np.sin(0.5 * theta) ** 2  # 1 - cos θ
        # 1 - (sin θ + (π - θ) cos θ)/π.
        lack = cosine_lack + (theta * np.cos(theta) - sine) / np.pi
        lack = dual.slope * cosine_lack + dual.share * lack
        slope = dual.slope + dual.share * (1.0 - theta / np.pi)
        tx, ty = np.sqrt(w * dual.gain * kx), np.sqrt(w * dual.gain * ky)
        kx_next, ky_next = b + tx**2, b + ty**2
        s_next = np.sqrt(kx_next)[:, None] * np.sqrt(ky_next)
        # (b + X)(b + Y) - (b + √(XY))² = b (√X - √Y)².
        between = tx[:, None] - ty
        base = s_next + b + tx[:, None] * ty
        uneven = b * _ratio(between * between, base)
        lost = w * s * lack + uneven
        q = np.clip(_ratio(lost, s_next), 0.0, 2.0)
        theta_next = 2.0 * np.arcsin(np.sqrt(0.5 * q))
        sine_next = np.sin(theta_next)
        if gradient:
            parts = []
            for i, (db, dw) in enumerate(_ALONG):
                gx, gy = dw + rx[i], dw + ry[i]  # d log of X and Y
                rx_next, ry_next = (
                    _ratio(b * db + t**2 * g, k)
                    for t, g, k in ((tx, gx, kx_next), (ty, gy, ky_next))
                )
                mean_next = 0.5 * (rx_next[:, None] + ry_next)
                mean = 0.5 * (gx[:, None] + gy)
                d_between = 0.5 * ((tx * gx)[:, None] - ty * gy)
                d_base = s_next * mean_next + b * db + tx[:, None] * ty * mean
                d_lost = w * s * (mean * lack + slope * sine * d_theta[i])
                d_lost += uneven * (db - _ratio(d_base, base))
                d_lost += 2.0 * b * between * _ratio(d_between, base)
                d_q = _ratio(d_lost, s_next) - q * mean_next
                parts.append(
                    (
                        rx_next,
                        ry_next,
                        _ratio(d_q, sine_next),
                        s_next * mean_next - d_lost,
                        w * (slope * dw - dual.share / np.pi * d_theta[i]),
                    )
                )
            rx, ry, d_theta, dK, d_slope = (np.stack(part) for part in zip(*parts, strict=True))
        kx, ky, s, theta, sine = kx_next, ky_next, s_next, theta_next, sine_next
        yield s - lost, (w * slope if slopes else None), dK, d_slope


def _angles(X, Y, b, w):
    """Angles between rows (σ_w x/√d, σ_b), by Kahan's formula: right to rounding, however small."""

    def unit(Z):
        Z = np.column_stack([math.sqrt(w / Z.shape[1]) * Z, np.full(len(Z), math.sqrt(b))])
        Z = _ratio(Z, np.max(np.abs(Z), axis=1, keepdims=True))  # squares stay in range
        return _ratio(Z, np.linalg.norm(Z, axis=1, keepdims=True))

    U, V = unit(X), unit(Y)
    return 2.0 * np.arctan2(cdist(U, V), cdist(U, -V))


def _ratio(numerator, denominator):
    """Quotient, zero where the denominator is."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator != 0.0)
