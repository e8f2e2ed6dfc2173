"""
A million points to a tolerance
===============================

A sum over all pairs of a million points and the pixels of a picture takes minutes. With a relative
tolerance it takes a second, and every pixel comes with a bound on its error, in the tails too.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from kernlab.density import KernelDensity

# %%
# The data
# --------
# A million points near a spiral, with a few far from it.

rng = np.random.default_rng(0)
n = 1_000_000
angle = np.sqrt(rng.uniform(size=n)) * 4 * np.pi
X = np.column_stack([angle * np.cos(angle), angle * np.sin(angle)])
X += rng.normal(scale=0.4, size=X.shape)
X[: n // 100] = rng.uniform(-16, 16, size=(n // 100, 2))

# %%
# The estimate
# ------------
# Ninety thousand pixels, to one part in a thousand.

side = np.linspace(-18, 18, 300)
pixels = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
start = time.perf_counter()
kde = KernelDensity(bandwidth=0.15, rtol=1e-3).fit(X)
log_density, error = kde.score_samples(pixels, return_error=True)
seconds = time.perf_counter() - start
print(f"algorithm_ = {kde.algorithm_!r}: {n * len(pixels):.0e} pairs in {seconds:.1f} seconds")

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
images = (log_density, np.log10(error))
titles = ("log density, above -15", "log₁₀ of the bound on its error")
for ax, values, title in zip(axes, images, titles, strict=True):
    lowest = max(values.min(), -15)
    image = ax.pcolormesh(side, side, values.reshape(300, 300), vmin=lowest, rasterized=True)
    ax.set(title=title, aspect="equal")
    figure.colorbar(image, ax=ax)
plt.show()

# %%
# The bound holds
# ---------------
# Against the sum over all pairs, at a hundred pixels. Where the bound is far below the tolerance the
# grid resolves the density; beyond, in the corners, blocks of points were summed instead.

some = rng.choice(len(pixels), size=100, replace=False)
exact = KernelDensity(bandwidth=0.15).fit(X).score_samples(pixels[some])
missed = np.abs(log_density[some] - exact)
assert np.all(missed <= error[some])
assert np.max(error) <= 1e-3 + 1e-9
print(f"largest error {missed.max():.0e}, largest bound {error.max():.0e}")
