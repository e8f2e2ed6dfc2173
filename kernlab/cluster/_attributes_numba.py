"""Compiled sums over the edges of what their ends hold in common."""

import numpy as np

from kernlab._core.jit import njit


@njit
def weight_within(indptr, indices, data, codes):
    """Sum of A_ij over entries of a symmetric graph A whose ends have equal codes, for each column.

    ``codes`` is of shape (n_nodes, n_columns), negative where a node has none.
    """
    total = np.zeros(codes.shape[1])
    for i in range(len(indptr) - 1):
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if j < i:
                continue
            weight = data[p] * (1.0 if j == i else 2.0)
            for c in range(codes.shape[1]):
                same = codes[i, c] == codes[j, c] and codes[i, c] >= 0
                total[c] += weight if same else 0.0
    return total


@njit
def held_in_common(indptr, indices, data, starts, values, amounts):
    """Sum of A_ij (H H')_ij over all entries of a symmetric graph A.

    A and H are in CSR form, the values of a row of H in ascending order.
    """
    total = 0.0
    for i in range(len(indptr) - 1):
        own, end = starts[i], starts[i + 1]
        if own == end:
            continue
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if j < i:
                continue
            a, b = own, starts[j]
            common = 0.0
            while a < end and b < starts[j + 1]:
                if values[a] == values[b]:
                    common += amounts[a] * amounts[b]
                    a += 1
                    b += 1
                elif values[a] < values[b]:
                    a += 1
                else:
                    b += 1
            total += common * data[p] * (1.0 if j == i else 2.0)
    return total
