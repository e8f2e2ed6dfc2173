"""Compiled filter, smoother and simulation of sums of Matérn processes times cosines.

``spec`` holds (λ, frequency, variance) of each component, ``sizes`` its Matérn state's size and
``starts`` where its block of the state begins; a block twice its size turns with the frequency.
"""

import math

import numpy as np

from kernlab._core.jit import njit

_LOG_2PI = math.log(2.0 * math.pi)


def _tables():
    """Coefficients of a Matérn state's transition and noise over a scaled step r, by its size.

    The drift is N - 1 with a nilpotent N, the transition e^(-r) Σ N^k r^k/k!, and the noise
    q ∫ e^(-2s) p(s) p(s)ᵀ ds with p the last column of Σ N^k s^k/k!.
    """
    flow, noise = np.zeros((4, 3, 3, 3)), np.zeros((4, 3, 3, 5))
    for size, q in ((1, 2.0), (2, 4.0), (3, 16.0 / 3.0)):
        nilpotent = np.eye(size) + np.eye(size, k=1)
        nilpotent[-1] -= [math.comb(size, k) for k in range(size)]
        for k in range(size):
            power = np.linalg.matrix_power(nilpotent, k) / math.factorial(k)
            flow[size, :size, :size, k] = power
        for k in range(size):
            for m in range(size):
                columns = flow[size, :, size - 1, k], flow[size, :, size - 1, m]
                noise[size, :, :, k + m] += q * np.outer(*columns)
    return flow, noise


_FLOW, _NOISE = _tables()


@njit
def _moments(size, r, decay):
    """∫_0^r s^k e^(-2s) ds for k from 0 to 4, those that a state of the size needs."""
    i0, i1, i2, i3, i4 = -0.5 * math.expm1(-2.0 * r), 0.0, 0.0, 0.0, 0.0
    last = decay * decay
    if size == 1:
        return i0, i1, i2, i3, i4
    if r > size - 1.0:
        last *= r
        i1 = 0.5 * (i0 - last)
        last *= r
        i2 = 0.5 * (2.0 * i1 - last)
        last *= r
        i3 = 0.5 * (3.0 * i2 - last)
        i4 = 0.5 * (4.0 * i3 - last * r)
        return i0, i1, i2, i3, i4
    # Short steps: the highest as a sum of positive terms, and from it those below.
    j = 2.0 * size
    term = 1.0 / (j - 1.0)
    total = term
    while term > 1e-17 * total:
        term *= 2.0 * r / j
        total += term
        j += 1.0
    r2 = r * r
    if size == 2:
        i2 = r2 * r * last * total
    else:
        i4 = r2 * r2 * r * last * total
        i3 = 0.25 * (r2 * r2 * last + 2.0 * i4)
        i2 = (r2 * r * last + 2.0 * i3) / 3.0
    i1 = 0.5 * (r2 * last + 2.0 * i2)
    return i0, i1, i2, i3, i4


@njit
def _fill_step(spec, sizes, starts, step, A, Q):
    """Transition and noise of all components over a step."""
    for j in range(len(sizes)):
        size, start, stop = sizes[j], starts[j], starts[j + 1]
        copies = (stop - start) // size
        r, variance = spec[j, 0] * step, spec[j, 2]
        decay = math.exp(-r)
        i0, i1, i2, i3, i4 = _moments(size, r, decay)
        cosine, sine = math.cos(spec[j, 1] * step), math.sin(spec[j, 1] * step)
        for a in range(size):
            for b in range(size):
                row, column = start + a * copies, start + b * copies
                c, w = _FLOW[size, a, b], _NOISE[size, a, b]
                moved = decay * (c[0] + r * (c[1] + r * c[2]))
                noise = w[0] * i0 + w[1] * i1 + w[2] * i2 + w[3] * i3 + w[4] * i4
                A[row, column] = moved * cosine
                Q[row, column] = variance * noise
                if copies == 2:
                    A[row + 1, column + 1] = moved * cosine
                    A[row, column + 1], A[row + 1, column] = -moved * sine, moved * sine
                    Q[row + 1, column + 1] = variance * noise


@njit
def _symmetrise(P):
    for a in range(len(P)):
        for b in range(a):
            P[a, b] = 0.5 * (P[a, b] + P[b, a])
            P[b, a] = P[a, b]


@njit
def _congruence(A, P, starts, transpose, work):
    """P becomes A P Aᵀ, or Aᵀ P A, for a block-diagonal A."""
    D = len(P)
    for j in range(len(starts) - 1):
        low, high = starts[j], starts[j + 1]
        for a in range(low, high):
            for c in range(D):
                total = 0.0
                for b in range(low, high):
                    total += (A[b, a] if transpose else A[a, b]) * P[b, c]
                work[a, c] = total
    for j in range(len(starts) - 1):
        low, high = starts[j], starts[j + 1]
        for a in range(low, high):
            for c in range(D):
                total = 0.0
                for b in range(low, high):
                    total += (A[b, a] if transpose else A[a, b]) * work[c, b]
                P[c, a] = total
    _symmetrise(P)


@njit
def _turn(A, x, starts, transpose, work):
    """x becomes A x, or Aᵀ x, for a block-diagonal A."""
    for j in range(len(starts) - 1):
        low, high = starts[j], starts[j + 1]
        for a in range(low, high):
            total = 0.0
            for b in range(low, high):
                total += (A[b, a] if transpose else A[a, b]) * x[b]
            work[a] = total
    for a in range(len(x)):
        x[a] = work[a]


@njit
def _store(target, source):
    # Assignment of whole arrays would take Numba ten seconds to compile.
    for a in range(len(source)):
        target[a] = source[a]


@njit
def filter_part(
    spec, sizes, starts, times, rows, index, values, noise, first, stop, m, P,
    means, covariances, gains, innovations, spreads,
):  # fmt: skip
    """Take the state (m, P) from before time ``first`` to ``stop - 1``; returns log likelihood.

    Arrays of length zero are not filled; others get what the smoother needs from ``first`` on.
    """
    D = len(m)
    A, Q = np.zeros((D, D)), np.zeros((D, D))
    work, square, gain, cross = np.empty(D), np.empty((D, D)), np.empty(D), np.empty(D)
    last = -1.0
    total = 0.0
    for k in range(first, stop):
        step = times[k] - times[k - 1] if k > 0 else 0.0
        if step > 0.0:
            if step != last:
                _fill_step(spec, sizes, starts, step, A, Q)
                last = step
            _turn(A, m, starts, False, work)
            _congruence(A, P, starts, False, square)
            for j in range(len(sizes)):
                for a in range(starts[j], starts[j + 1]):
                    for b in range(starts[j], starts[j + 1]):
                        P[a, b] += Q[a, b]
        if index[k] >= 0:
            h = rows[index[k]]
            spread = noise[k]
            innovation = values[k]
            for a in range(D):
                value = 0.0
                for b in range(D):
                    value += P[a, b] * h[b]
                cross[a] = value
                spread += h[a] * value
                innovation -= h[a] * m[a]
            for a in range(D):
                gain[a] = cross[a] / spread
                m[a] += gain[a] * innovation
            # Joseph's form, (1 - g hᵀ) P (1 - h gᵀ) + noise g gᵀ, in two steps.
            for a in range(D):
                for b in range(D):
                    P[a, b] -= gain[a] * cross[b]
            for a in range(D):
                value = 0.0
                for b in range(D):
                    value += P[a, b] * h[b]
                work[a] = value
            for a in range(D):
                for b in range(D):
                    P[a, b] += (noise[k] * gain[a] - work[a]) * gain[b]
            _symmetrise(P)
            total += innovation * innovation / spread + math.log(spread) + _LOG_2PI
            if len(means) > 0:
                _store(gains[k - first], gain)
                innovations[k - first] = innovation
                spreads[k - first] = spread
        if len(means) > 0:
            _store(means[k - first], m)
            for a in range(D):
                _store(covariances[k - first, a], P[a])
    return -0.5 * total


def kalman(spec, sizes, starts, stationary, times, rows, index, values, noise, keep):
    """Filter; returns the log likelihood and what the smoother needs.

    ``index[k]`` is the row observed at a time, or -1 for none. Without ``keep`` the arrays that it
    returns are empty.
    """
    n, D = len(times), len(stationary)
    kept = empty_results(n if keep else 0, D)
    m, P = np.zeros(D), stationary.copy()
    total = filter_part(spec, sizes, starts, times, rows, index, values, noise, 0, n, m, P, *kept)
    return total, *kept


def empty_results(n, D):
    """Room for means, covariances, gains, innovations and their variances at n times."""
    return np.empty((n, D)), np.empty((n, D, D)), np.empty((n, D)), np.empty(n), np.empty(n)


@njit
def _absorb(h, gain, innovation, spread, pull, weight, work):
    """Take the smoother's ``pull`` and ``weight`` back over an observation.

    Returns the observation's own pull and weight: what the log likelihood's derivatives by its
    value and its noise are made of.
    """
    D = len(h)
    along, both = innovation / spread, 1.0 / spread
    for a in range(D):
        value = 0.0
        for b in range(D):
            value += weight[a, b] * gain[b]
        work[a] = value
        along += gain[a] * pull[a]
        both += gain[a] * value
    for a in range(D):
        pull[a] -= h[a] * along
        for b in range(D):
            weight[a, b] += h[a] * h[b] * both - h[a] * work[b] - work[a] * h[b]
    return along, both


@njit
def smooth(
    spec, sizes, starts, times, rows, index, means, covariances, gains, innovations, spreads,
    outputs, wanted,
):  # fmt: skip
    """Mean (n, r) and covariance (n, r, r) of ``outputs @ state``, given all data, where wanted."""
    n, D = means.shape
    r = len(outputs)
    mean, covariance = np.empty((n, r)), np.empty((n, r, r))
    A, Q = np.zeros((D, D)), np.zeros((D, D))
    pull, weight = np.zeros(D), np.zeros((D, D))
    work, square, cross = np.empty(D), np.empty((D, D)), np.empty((r, D))
    last = -1.0
    for k in range(n - 1, -1, -1):
        if wanted[k]:
            for i in range(r):
                centre = 0.0
                for a in range(D):
                    value = 0.0
                    for b in range(D):
                        value += covariances[k, a, b] * outputs[i, b]
                    cross[i, a] = value
                    centre += outputs[i, a] * means[k, a] - value * pull[a]
                mean[k, i] = centre
            for i in range(r):
                for a in range(D):
                    value = 0.0
                    for b in range(D):
                        value += cross[i, b] * weight[a, b]
                    work[a] = value
                for j in range(i + 1):
                    spread = 0.0
                    for a in range(D):
                        spread += outputs[i, a] * cross[j, a] - work[a] * cross[j, a]
                    covariance[k, i, j] = spread if i != j else max(spread, 0.0)
                    covariance[k, j, i] = covariance[k, i, j]
        if index[k] >= 0:
            h, gain = rows[index[k]], gains[k]
            _absorb(h, gain, innovations[k], spreads[k], pull, weight, work)
        step = times[k] - times[k - 1] if k > 0 else 0.0
        if step > 0.0:
            if step != last:
                _fill_step(spec, sizes, starts, step, A, Q)
                last = step
            _turn(A, pull, starts, True, work)
            _congruence(A, weight, starts, True, square)
    return mean, covariance


@njit
def _cholesky(Q, starts, root):
    """Lower roots of the blocks of Q; a pivot that rounding leaves negative is zero."""
    for j in range(len(starts) - 1):
        for a in range(starts[j], starts[j + 1]):
            for b in range(starts[j], a + 1):
                value = Q[a, b]
                for c in range(starts[j], b):
                    value -= root[a, c] * root[b, c]
                if a == b:
                    root[a, a] = math.sqrt(max(value, 0.0))
                else:
                    root[a, b] = value / root[b, b] if root[b, b] > 0.0 else 0.0


@njit
def simulate(spec, sizes, starts, stationary, times, normals):
    """A path of the stationary state from standard normals, shape (n, D)."""
    n, D = normals.shape
    states = np.empty((n, D))
    A, Q = np.zeros((D, D)), np.zeros((D, D))
    root, work, x = np.zeros((D, D)), np.empty(D), np.zeros(D)
    last = -1.0
    _cholesky(stationary, starts, root)
    for k in range(n):
        step = times[k] - times[k - 1] if k > 0 else 1.0
        if k > 0 and step > 0.0:
            if step != last:
                _fill_step(spec, sizes, starts, step, A, Q)
                _cholesky(Q, starts, root)
                last = step
            _turn(A, x, starts, False, work)
        if step > 0.0:
            for a in range(D):
                for b in range(a + 1):
                    x[a] += root[a, b] * normals[k, b]
        _store(states[k], x)
    return states


@njit
def _score_step(sizes, starts, spec, step, m, P, pull, weight, work, gradient):
    """Add a step's share of the score, from the moments and the smoother where it begins.

    The derivative by the step's rate of drift M is Σ M[a, b] dL/dM[a, b] with dL/dM = (smoothed
    mean) (-pull)ᵀ - P weight, transposed; noise enters the last of a component's states.
    """
    D = len(m)
    for a in range(D):
        value = m[a]
        for b in range(D):
            value -= P[a, b] * pull[b]
        work[a] = value
    for j in range(len(sizes)):
        size, start = sizes[j], starts[j]
        copies = (starts[j + 1] - start) // size
        flow = 0.0
        for c in range(copies):
            tail = start + (size - 1) * copies + c
            for b in range(size):
                # A row of the drift names the next state; the last is -1, -(1, 2) or -(1, 3, 3).
                place = start + b * copies + c
                weighed, last = 0.0, 0.0
                for i in range(D):
                    last += P[place, i] * weight[i, tail]
                    if b > 0:
                        weighed += P[place, i] * weight[i, place - copies]
                if b > 0:
                    flow -= pull[place - copies] * work[place] + weighed
                factor = 1.0 if b == 0 else float(size)
                flow += factor * (pull[tail] * work[place] + last)
            q = 2.0 if size == 1 else 4.0 if size == 2 else 16.0 / 3.0
            flow += 0.5 * q * spec[j, 2] * (pull[tail] * pull[tail] - weight[tail, tail])
        gradient[j, 0] += spec[j, 0] * step * flow
        if copies == 2:
            turn = 0.0
            for a in range(start, starts[j + 1], 2):
                turn += pull[a] * work[a + 1] - pull[a + 1] * work[a]
                for i in range(D):
                    turn += P[a + 1, i] * weight[i, a] - P[a, i] * weight[i, a + 1]
            gradient[j, 1] += step * turn


@njit
def score_part(
    spec, sizes, starts, times, rows, index, noise, first, stop,
    means, covariances, gains, innovations, spreads, pull, weight, gradient,
):  # fmt: skip
    """Take the smoother from before time ``stop`` to before ``first``, adding up the score.

    ``means`` and those after it are the filter's results from ``first`` on. The columns of
    ``gradient`` are derivatives of the log likelihood by log λ, frequency and log variance of each
    component; returns that by the logarithm of a factor of ``noise``, the variances that move.
    """
    n, D = len(times), len(pull)
    A, Q = np.zeros((D, D)), np.zeros((D, D))
    work, square = np.empty(D), np.empty((D, D))
    by_noise = 0.0
    last = -1.0
    for k in range(stop - 1, first - 1, -1):
        i = k - first
        step = times[k + 1] - times[k] if k + 1 < n else 0.0
        if step > 0.0:
            _score_step(
                sizes, starts, spec, step, means[i], covariances[i], pull, weight, work, gradient
            )
        if index[k] >= 0:
            along, both = _absorb(
                rows[index[k]], gains[i], innovations[i], spreads[i], pull, weight, work
            )
            by_noise += 0.5 * noise[k] * (along * along - both)
        step = times[k] - times[k - 1] if k > 0 else 0.0
        if step > 0.0:
            if step != last:
                _fill_step(spec, sizes, starts, step, A, Q)
                last = step
            for j in range(len(sizes)):
                for a in range(starts[j], starts[j + 1]):
                    for b in range(starts[j], starts[j + 1]):
                        gradient[j, 2] += 0.5 * (pull[a] * pull[b] - weight[a, b]) * Q[a, b]
            _turn(A, pull, starts, True, work)
            _congruence(A, weight, starts, True, square)
    return by_noise


@njit
def smooth_covariance(
    spec, sizes, starts, times, rows, index, covariances, gains, spreads, output, places,
):  # fmt: skip
    """Covariance of ``output @ state``, given all data, between the times at ascending ``places``.

    With ``carried`` the transposed transition of prediction errors from a place to the next one,
    cov(s, t) = outputᵀ P_s carried (1 - weight_t P_t) output (Durbin, Koopman, *Time series
    analysis by state space methods*, 2012, section 4.7).
    """
    n, D, count = len(times), len(output), len(places)
    found = np.empty((count, count))
    A, Q = np.zeros((D, D)), np.zeros((D, D))
    pull, weight = np.zeros(D), np.zeros((D, D))
    carried, later = np.zeros((D, D)), np.empty((count, D))
    work, square, cross = np.empty(D), np.empty((D, D)), np.empty(D)
    last = -1.0
    place = count - 1
    for k in range(n - 1, -1, -1):
        while place >= 0 and places[place] == k:
            for t in range(place + 1, count):
                for a in range(D):
                    value = 0.0
                    for b in range(D):
                        value += carried[b, a] * later[t, b]
                    work[a] = value
                _store(later[t], work)
            for a in range(D):
                value = 0.0
                for b in range(D):
                    carried[a, b] = 1.0 if a == b else 0.0
                    value += covariances[k, a, b] * output[b]
                cross[a] = value
            for a in range(D):
                value = output[a]
                for b in range(D):
                    value -= weight[a, b] * cross[b]
                later[place, a] = value
            for t in range(place, count):
                value = 0.0
                for a in range(D):
                    value += cross[a] * later[t, a]
                found[place, t] = value
                found[t, place] = value
            found[place, place] = max(found[place, place], 0.0)
            place -= 1
        if index[k] >= 0:
            h, gain = rows[index[k]], gains[k]
            _absorb(h, gain, 0.0, spreads[k], pull, weight, work)
            for a in range(D):
                value = 0.0
                for b in range(D):
                    value += gain[b] * carried[a, b]
                for b in range(D):
                    carried[a, b] -= h[b] * value
        step = times[k] - times[k - 1] if k > 0 else 0.0
        if step > 0.0:
            if step != last:
                _fill_step(spec, sizes, starts, step, A, Q)
                last = step
            _congruence(A, weight, starts, True, square)
            for a in range(D):
                _turn(A, carried[a], starts, True, work)
    return found
