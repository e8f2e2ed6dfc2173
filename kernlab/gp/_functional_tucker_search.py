"""Starts, convergence and ranks of a functional Tucker decomposition."""

import math

import numpy as np

from kernlab.gp._functional_tucker_bayes import Mode, TuckerPosterior

# Noise variances of the starts, in turn: low ones find all components, high ones suit noisy data.
_NOISE = (0.02, 0.1, 0.005, 0.5)
_HELD, _TRIED = 5, 10  # sweeps of a start with that noise, and after
LARGEST_CORE = 2048
_LARGEST_CHOSEN_CORE = 256


class Search:
    """Posteriors of given ranks, and the ranks of the largest bound.

    Parameters
    ----------
    columns : list of (N,) arrays
        Indices of each mode.
    y : (N,) array
        Of mean zero and variance one.
    smoothness : list of (nu, length_scale, bounds)
        Of each mode.
    rng : numpy.random.RandomState
    n_init, max_iter, tol
        As in `FunctionalTuckerRegressor`.

    Attributes
    ----------
    found : dict
        Posterior of each tuple of ranks tried, and whether it converged.
    """

    def __init__(self, columns, y, smoothness, rng, n_init, max_iter, tol):
        self.places = [np.unique(column, return_inverse=True) for column in columns]
        self.y, self.smoothness, self.rng = y, smoothness, rng
        self.n_init, self.max_iter, self.tol = n_init, max_iter, tol
        self.found = {}

    @property
    def n_indices(self):
        return [len(times) for times, _ in self.places]

    def bound(self, ranks):
        """The largest bound of some ranks, fitted if they are new."""
        if ranks not in self.found:
            starts = [self._start(ranks, i) for i in range(self.n_init)]
            self.found[ranks] = self._converge(max(starts, key=lambda start: start.history[-1]))
        return self.found[ranks][0].history[-1]

    def choose(self, max_rank):
        """Equal ranks while the bound grows, then less in single modes; returns the ranks."""
        best = (1,) * len(self.places)
        for rank in range(2, max_rank + 1):
            ranks = self.admissible([min(rank, size) for size in self.n_indices])
            if ranks in self.found or math.prod(ranks) > _LARGEST_CHOSEN_CORE:
                break
            if self.bound(ranks) <= self.bound(best):
                break
            best = ranks
        self.bound(best)
        shrinking = True
        while shrinking:
            fewer = [tuple(r - (k == j) for j, r in enumerate(best)) for k in range(len(best))]
            fewer = [ranks for ranks in fewer if min(ranks) > 0 and ranks == self.admissible(ranks)]
            next_best = max([best, *fewer], key=self.bound)
            shrinking, best = next_best != best, next_best
        return best

    @staticmethod
    def admissible(ranks):
        """Ranks cut to what a core can hold: none more than the product of the others."""
        ranks = list(ranks)
        for _ in ranks:
            total = math.prod(ranks)
            ranks = [min(r, total // r) for r in ranks]
        return tuple(ranks)

    def _start(self, ranks, i):
        modes = [
            Mode(*place, rank, *smoothness)
            for place, rank, smoothness in zip(self.places, ranks, self.smoothness, strict=True)
        ]
        start = TuckerPosterior(modes, self.y, self.rng, _NOISE[i % len(_NOISE)])
        for sweep in range(_HELD + _TRIED):
            start.sweep(with_noise=sweep >= _HELD)
        # Steady from here on: what came before maximised for another noise.
        start.history = start.history[-1:]
        return start

    def _converge(self, posterior):
        converged = False
        for _ in range(self.max_iter):
            before = posterior.history[-1]
            posterior.sweep()
            converged = posterior.history[-1] - before < self.tol * len(self.y)
            if converged:
                break
        return posterior, converged
