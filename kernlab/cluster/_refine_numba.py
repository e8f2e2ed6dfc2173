"""Compiled moves of nodes between blocks."""

import numpy as np

from kernlab._core.jit import njit


@njit
def block_table(indptr, indices, data, labels, n_blocks):
    """Weights between blocks, an edge within one counted twice."""
    table = np.zeros((n_blocks, n_blocks))
    for i in range(len(indptr) - 1):
        row = table[labels[i]]
        for p in range(indptr[i], indptr[i + 1]):
            row[labels[indices[p]]] += data[p]
    return table


@njit
def move_nodes(indptr, indices, data, order, labels, sizes, kappa, omega, log_omega):
    """Move each node in turn to the block of the largest likelihood, at rates ``omega``.

    ``labels``, ``sizes`` (nodes) and ``kappa`` (degrees) of the blocks are changed in place. A
    node alone in its block stays. Returns the number of moves.

    The likelihood is half of sum_ij A_ij log(omega[z_i, z_j]) - kappa' omega kappa; what a move
    adds to it is exact, its own degree's square included, so that it never falls.
    """
    n_blocks = len(kappa)
    expected = np.zeros(n_blocks)
    for r in range(n_blocks):
        for s in range(n_blocks):
            expected[r] += omega[r, s] * kappa[s]
    beside = np.empty(n_blocks)
    seen = np.empty(n_blocks, np.int64)
    # The visit that saw a block last: weights of any size, zero even, count it once.
    visit = np.full(n_blocks, -1)
    gain = np.empty(n_blocks)
    moves = 0
    for turn in range(len(order)):
        i = order[turn]
        here = labels[i]
        if sizes[here] == 1:
            continue
        n_seen, degree = 0, 0.0
        for p in range(indptr[i], indptr[i + 1]):
            s = labels[indices[p]]
            if visit[s] != turn:
                visit[s], beside[s] = turn, 0.0
                seen[n_seen] = s
                n_seen += 1
            beside[s] += data[p]
            degree += data[p]
        if degree == 0.0:
            continue
        for r in range(n_blocks):
            own = omega[r, r] + omega[here, here] - 2 * omega[here, r]
            gain[r] = -degree * (expected[r] + 0.5 * degree * own)
        for k in range(n_seen):
            s = seen[k]
            for r in range(n_blocks):
                gain[r] += beside[s] * log_omega[s, r]
        best = here
        for r in range(n_blocks):
            # A tie, or what is within rounding of one, moves nobody.
            if gain[r] > gain[best] + 1e-12 * abs(gain[best]):
                best = r
        if best == here:
            continue
        labels[i] = best
        sizes[here] -= 1
        sizes[best] += 1
        kappa[here] -= degree
        kappa[best] += degree
        for r in range(n_blocks):
            expected[r] += degree * (omega[r, best] - omega[r, here])
        moves += 1
    return moves
