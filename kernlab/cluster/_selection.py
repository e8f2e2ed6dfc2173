"""Which of many partitions of a graph to trust, without labels: scores, ranks and their sum."""

# References: Newman & Girvan, 2004 (modularity); Karrer & Newman, 2011 (the degree-corrected block
# model); Hubert & Arabie, *Comparing partitions*, 1985 (the adjusted Rand index); de Borda, 1784
# (sums of ranks).

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.stats import rankdata

from kernlab._core.chunks import chunk_bytes
from kernlab.cluster._scores import block_log_likelihood, cluster_weights, modularity

SCORINGS = ("rank", "modularity", "likelihood")


@dataclass(frozen=True)
class Selection:
    """What was found of each candidate, and the one selected; NaN where there is no value."""

    best: int  # the first of those that are the same
    assortative: bool
    modularity: np.ndarray
    log_likelihood: np.ndarray
    consensus: np.ndarray
    score: np.ndarray
    kept: np.ndarray
    same: np.ndarray  # of the partition selected
    reasons: np.ndarray


def select(adjacency, labels, n_clusters, *, scoring="rank", reasons=None):
    """Score candidate partitions of a graph and select one.

    Parameters
    ----------
    adjacency : sparse matrix of shape (n_nodes, n_nodes)
        Symmetric, with an edge at least.
    labels : int array of shape (n_candidates, n_nodes)
        A row of -1 is a candidate that could not be made.
    n_clusters : int
        Candidates with fewer clusters are not kept.
    scoring : {'rank', 'modularity', 'likelihood'} or callable
        See :class:`GraphMeasureSearch`.
    reasons : object array of shape (n_candidates,)
        Why candidates could not be made; empty for the others.

    Raises
    ------
    ValueError
        If no candidate is left, or a callable gives no real number.
    """
    reasons = np.full(len(labels), "", dtype=object) if reasons is None else reasons.copy()
    copies, parts = _distinct(labels)
    whole = (labels[:, 0] >= 0) & (parts[copies].max(axis=1) + 1 == n_clusters)
    for i in np.flatnonzero(~whole & (reasons == "")):
        reasons[i] = f"{parts[copies[i]].max() + 1} clusters in place of {n_clusters}"
    # Copies of a partition are scored once, so that their scores are equal to the last bit.
    if not whole.any():
        raise ValueError(_none_left(reasons))
    scored = np.unique(copies[whole])
    signed, likelihood = np.full((2, len(parts)), np.nan)
    weights = cluster_weights(adjacency, parts[scored], n_clusters)
    signed[scored] = modularity(weights)
    likelihood[scored] = block_log_likelihood(weights)
    assortative = bool(signed[np.nanargmax(likelihood)] >= 0)

    kept = whole
    if scoring == "rank":
        with_sign = signed[copies] > 0 if assortative else signed[copies] < 0
        # Of one cluster, or in a graph that no partition fits, none has the sign: keep them all.
        if (whole & with_sign).any():
            kept = whole & with_sign
            wrong = "negative" if assortative else "positive"
            reasons[whole & ~kept] = f"modularity is {wrong} or zero, unlike that of the likeliest"
    counts = np.bincount(copies[kept], minlength=len(parts))
    consensus = np.full(len(parts), np.nan)
    consensus[counts > 0] = mean_agreement(parts[counts > 0], n_clusters, counts[counts > 0])

    score = np.full(len(labels), np.nan)
    if scoring == "rank":
        signs = 1 if assortative else -1
        measures = (signs * signed, likelihood, consensus)
        score[kept] = sum(rankdata(values[copies[kept]]) for values in measures)
    elif callable(scoring):
        score[:] = _called(scoring, adjacency, parts, counts)[copies]
        kept = kept & ~np.isnan(score)
        reasons[(counts[copies] > 0) & ~kept] = "scoring gave NaN"
        score[~kept] = np.nan
    else:
        values = signed if scoring == "modularity" else likelihood
        score[kept] = values[copies[kept]]
    if not kept.any():
        raise ValueError(_none_left(reasons))
    tied = np.flatnonzero(score == np.nanmax(score))
    best = int(tied[np.argmax(likelihood[copies[tied]])])

    def of_candidates(values):
        return np.where(whole, values[copies], np.nan)

    return Selection(
        best=best,
        assortative=assortative,
        modularity=of_candidates(signed),
        log_likelihood=of_candidates(likelihood),
        consensus=np.where(kept, consensus[copies], np.nan),
        score=score,
        kept=kept,
        same=kept & (copies == copies[best]),
        reasons=reasons,
    )


def _distinct(labels):
    """The number of each candidate's partition, and the distinct partitions.

    Clusters are numbered in the order of their first nodes, so that partitions are equal where
    their labels are.
    """
    parts = np.empty_like(labels)
    for one, out in zip(labels, parts, strict=True):
        _, first, inverse = np.unique(one, return_index=True, return_inverse=True)
        number = np.empty(len(first), dtype=labels.dtype)
        number[np.argsort(first)] = np.arange(len(first), dtype=labels.dtype)
        out[:] = number[inverse]
    keys: dict[bytes, int] = {}
    copies = np.array([keys.setdefault(one.tobytes(), len(keys)) for one in parts])
    _, rows = np.unique(copies, return_index=True)
    return copies, parts[rows]


def mean_agreement(labels, n_clusters, counts):
    """Mean adjusted Rand index of each partition with all, itself among them.

    ``labels`` of shape (n_partitions, n_nodes) are distinct partitions, ``counts`` says how often
    each occurs. Shared nodes of all pairs of clusters are a product of matrices of zeros and ones,
    a block of partitions at a time: O((n_partitions · n_clusters)² · n_nodes) in single precision,
    which is exact for such counts.
    """
    n_partitions, n_nodes = labels.shape
    numbers = np.arange(n_clusters)[None, :, None]
    room = chunk_bytes() // 4
    step = max(1, min(room // (2 * n_clusters * n_nodes), math.isqrt(room) // n_clusters))
    blocks = [slice(i, min(i + step, n_partitions)) for i in range(0, n_partitions, step)]

    def clusters(block):
        return (labels[block, None, :] == numbers).astype(np.float32).reshape(-1, n_nodes)

    within = np.empty(n_partitions)
    for block in blocks:
        sizes = clusters(block).sum(axis=1, dtype=np.float64).reshape(-1, n_clusters)
        within[block] = _pairs(sizes).sum(axis=1)
    total = np.zeros(n_partitions)
    all_pairs = _pairs(float(n_nodes))
    for i, first in enumerate(blocks):
        mine = clusters(first)
        for second in blocks[i:]:
            shared = mine @ (mine if second is first else clusters(second)).T
            shared = shared.reshape(-1, n_clusters, shared.shape[1] // n_clusters, n_clusters)
            both = 0.5 * (np.einsum("aibj,aibj->ab", shared, shared, dtype=np.float64) - n_nodes)
            expected = np.outer(within[first], within[second]) / max(all_pairs, 1.0)
            largest = 0.5 * (within[first][:, None] + within[second])
            # Nothing to adjust where both are one cluster or all single nodes: they are equal.
            room_left = np.where(largest > expected, largest - expected, 1.0)
            index = np.where(largest > expected, (both - expected) / room_left, 1.0)
            total[first] += index @ counts[second]
            if second is not first:
                total[second] += counts[first] @ index
    return total / counts.sum()


def _pairs(sizes):
    return 0.5 * sizes * (sizes - 1.0)


def _called(scoring, adjacency, parts, counts):
    """A user's score of each partition that counts."""
    values = np.full(len(parts), np.nan)
    for i in np.flatnonzero(counts):
        value = scoring(adjacency.copy(), parts[i].copy())
        if not isinstance(value, Real):
            raise ValueError(
                f"scoring gave {value!r}, which is no real number; it is called as "
                "scoring(adjacency, labels) and is to return a number, the higher the better."
            )
        values[i] = value
    return values


def _none_left(reasons):
    kinds, counts = np.unique(reasons.astype(str), return_counts=True)
    listed = "; ".join(
        f"{count} × {kind}" for kind, count in sorted(zip(kinds, counts, strict=True))
    )
    return f"No candidate is left to select from ({listed}); give other measures or n_clusters."
