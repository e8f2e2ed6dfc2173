"""Starts, convergence and ranks of a functional Tucker decomposition."""

import math

import numpy as np

from kernlab.gp._functional_tucker_bayes import Mode, TuckerPosterior

# Of the starts in turn: the noise variance, and whether the first function of each mode starts from
# one and not from a draw. With many modes a product of draws is wild, and only that start is near.
_STARTS = ((0.1, True), (0.1, False), (0.02, False), (0.05, False))
_HELD, _TRIED = 4, 4  # sweeps of a start with that noise, and after
_SETTLING = 15  # sweeps of the best start before ranks are compared
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
        Posterior of each tuple of ranks tried.
    """

    def __init__(self, columns, y, smoothness, rng, n_init, max_iter, tol):
        self.places = [np.unique(column, return_inverse=True) for column in columns]
        self.y, self.smoothness, self.rng = y, smoothness, rng
        self.n_init, self.max_iter, self.tol = n_init, max_iter, tol
        self.found = {}

    @property
    def n_indices(self):
        return [len(times) for times, _ in self.places]

    def fit(self, ranks):
        """The posterior of given ranks, and whether it converged."""
        if ranks not in self.found:
            self._try(ranks)
        posterior = self.found[ranks]
        return posterior, self._sweep(posterior, self.max_iter, self.tol)

    def choose(self, max_rank):
        """Equal ranks while the bound grows, then less in single modes; returns the ranks."""
        best = (1,) * len(self.places)
        bound = self._try(best)
        for rank in range(2, max_rank + 1):
            ranks = self.admissible([min(rank, size) for size in self.n_indices])
            if ranks in self.found or math.prod(ranks) > _LARGEST_CHOSEN_CORE:
                break
            if self._try(ranks) <= bound:
                break
            best, bound = ranks, self.found[ranks].history[-1]
        while True:
            less = [tuple(r - (k == j) for j, r in enumerate(best)) for k in range(len(best))]
            for k, ranks in enumerate(less):
                if min(ranks) > 0 and ranks == self.admissible(ranks) and ranks not in self.found:
                    self.found[ranks] = self.found[best].with_less(k)
                    self._settle(self.found[ranks])
            ranks = max(self.found, key=lambda ranks: self.found[ranks].history[-1])
            if ranks == best:
                return best
            best = ranks

    @staticmethod
    def admissible(ranks):
        """Ranks cut to what a core can hold: none more than the product of the others."""
        ranks = list(ranks)
        for _ in ranks:
            total = math.prod(ranks)
            ranks = [min(r, total // r) for r in ranks]
        return tuple(ranks)

    def _try(self, ranks):
        """Go on from the best start; returns the bound."""
        starts = [self._start(ranks, i) for i in range(self.n_init)]
        best = max(starts, key=lambda start: start.history[-1])
        self._settle(best)
        self.found[ranks] = best
        return best.history[-1]

    def _settle(self, posterior):
        self._sweep(posterior, _SETTLING, self.tol)

    def _start(self, ranks, i):
        modes = [
            Mode(*place, rank, *smoothness)
            for place, rank, smoothness in zip(self.places, ranks, self.smoothness, strict=True)
        ]
        noise, constant = _STARTS[i % len(_STARTS)]
        for mode in modes:
            mode.draw(self.rng, constant)
        start = TuckerPosterior(modes, self.y, noise)
        for sweep in range(_HELD + _TRIED):
            start.sweep(held=sweep < _HELD)
        # What came before maximised for another noise.
        start.history = start.history[-1:]
        return start

    def _sweep(self, posterior, max_iter, tol):
        """Until a sweep gains less than tol for each observation; whether one did."""
        for _ in range(max_iter):
            posterior.sweep()
            if len(posterior.history) > 1:
                gain = posterior.history[-1] - posterior.history[-2]
                if gain < tol * len(self.y):
                    return True
        return False
