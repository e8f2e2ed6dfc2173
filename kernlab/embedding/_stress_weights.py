"""Weights of pairs in the stress of an embedding."""

import numpy as np

# Weights are not let fall below this share of a point's largest, so that every point is held by
# several landmarks.
_LEAST_WEIGHT = 1e-6
# Distances below this share of the root mean square one do not gain weight by being short.
_SHORTEST = 1e-2


class NoWeights:
    """All pairs alike.

    Attributes
    ----------
    landmarks : float32 ndarray of shape (m, m) or None
        Weights of pairs of landmarks.
    """

    landmarks = None

    def of_rows(self, distances, heat):
        """Function from a slice of rows to the weights of their pairs, or None.

        Parameters
        ----------
        distances : float32 ndarray of shape (n_rows, m)
        heat : float32 ndarray of shape (n_rows, m) or None
        """
        return None


class HeatWeights:
    """The heat between two points, relative to what stays at them."""

    def __init__(self, metric):
        weights = metric.landmark_weights
        self.landmarks = np.maximum(0.5 * (weights + weights.T), np.float32(_LEAST_WEIGHT))

    def of_rows(self, distances, heat):
        return lambda part: np.maximum(heat[part], np.float32(_LEAST_WEIGHT))


class PowerWeights:
    """The inverse square of the distance."""

    def __init__(self, own):
        self._shortest = np.float32(_SHORTEST * np.sqrt(np.mean(np.square(own)))) or 1.0
        self.landmarks = self._power(own)

    def _power(self, distances):
        return np.square(self._shortest / np.maximum(distances, self._shortest))

    def of_rows(self, distances, heat):
        return lambda part: self._power(distances[part])


def stress_weights(kind, own, metric):
    """Weights of a kind, None, 'heat' or 'power', where landmarks have distances ``own``."""
    if kind == "heat":
        return HeatWeights(metric)
    return PowerWeights(own) if kind == "power" else NoWeights()
