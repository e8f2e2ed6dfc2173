"""Sums over private data."""

import math
import time

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from kernlab.privacy import PrivacyBudget, PrivateDistanceSum, PrivateSimilarityClassifier


def private():
    """Digits under differential privacy: sums of distances, and classification, by the epsilon."""
    digits = load_digits()
    X, Y, labels, truth = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.3, random_state=0
    )
    expected = np.abs(Y[:, None] - X).sum(axis=(1, 2))
    similarities = np.exp(-cdist(Y, X, "sqeuclidean") / (2 * 1.5**2))
    means = [similarities[:, labels == digit].mean(axis=1) for digit in range(10)]
    print(f"Private digits: {len(X)} records of {X.shape[1]} pixels, every query free")
    print(f"{'epsilon':>8}{'delta':>8}{'error of l1 sums':>18}{'accuracy':>10}{'fit ms':>8}")
    accuracies = {math.inf: np.mean(np.argmax(means, axis=0) == truth)}
    print(f"{'inf':>8}{'':8}{0.0:18.1%}{accuracies[math.inf]:10.3f}")
    budget = PrivacyBudget(epsilon=30, delta=1e-5)
    for epsilon in (1, 3, 8):
        guarantee = {"epsilon": epsilon, "delta": 1e-6, "budget": budget}
        sums = PrivateDistanceSum("l1", bounds=(0, 1), **guarantee).fit(X)
        error = np.mean(np.abs(sums.query(Y) / expected - 1))
        classifier = PrivateSimilarityClassifier(
            classes=range(10), bandwidth=1.5, n_features=512, **guarantee
        )
        start = time.perf_counter()
        accuracies[epsilon] = classifier.fit(X, labels).score(Y, truth)
        seconds = time.perf_counter() - start
        print(f"{epsilon:8}{1e-6:8.0e}{error:18.1%}{accuracies[epsilon]:10.3f}{1e3 * seconds:8.0f}")
    print(budget)
    print()
    return accuracies
