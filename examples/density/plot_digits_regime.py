"""
Which regime is my estimate in? Handwritten digits
==================================================

A kernel density estimate of 64 features from 1797 images: which bandwidth is best, what carries
the estimate there, and what may be said of its error?
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from kernlab.density import DensityRegimeDisplay, KernelDensity
from kernlab.exceptions import CondensedDensityWarning

# %%
# The regime, measured
# --------------------
# Each point is looked at from all the others. ``h_kl`` is read off the distances of nearest
# neighbours, ``h_g`` is where a few points begin to carry the estimate. A condensed estimate warns;
# here we know.

train, test = train_test_split(load_digits().data, test_size=0.25, random_state=0)
warnings.simplefilter("ignore", CondensedDensityWarning)
regime = KernelDensity(bandwidth=2.0).fit(train).regime(random_state=0)
print(regime)

# %%
# The bandwidth that is best for fresh images
# -------------------------------------------
# The largest held-out log density is at ``h_kl`` to a few per cent. There a single image has nearly
# all of the estimate at most points.

bandwidths = regime.h_kl_ * np.geomspace(0.5, 8, 40)
held_out, carried = [], []
for h in bandwidths:
    kde = KernelDensity(bandwidth=h).fit(train)
    held_out.append(np.mean(kde.score_samples(test)))
    carried.append(np.median(kde.effective_samples(test)))
best = bandwidths[np.argmax(held_out)]

figure, ax = plt.subplots(layout="constrained")
ax.plot(bandwidths, held_out)
for h, name in ((regime.h_kl_, "$h_{KL}$"), (regime.h_g_, "$h_G$"), (regime.h_clt_, "$h_{CLT}$")):
    ax.axvline(h, color="0.6", linewidth=0.8)
    ax.annotate(name, (h * 1.02, max(held_out) - 55))
ax.set(xscale="log", xlabel="bandwidth", ylabel="mean held-out log density", ylim=(-200, -125))
ax.set_ylim(max(held_out) - 60, max(held_out) + 4)
other = ax.twinx()
other.plot(bandwidths, carried, color="C1")
other.set(yscale="log")
other.set_ylabel("median effective samples", color="C1")
plt.show()

# %%
# The phase diagram
# -----------------
# The curves are for normal data of the digits' covariance. Measured, the transition is somewhat
# higher and the best bandwidth a third lower: images lie near clusters of much smaller dimension,
# and their nearest neighbours are nearer than a normal cloud's.

DensityRegimeDisplay.from_estimator(KernelDensity(bandwidth=best).fit(train), random_state=0)
plt.show()

# %%
# Error bars
# ----------
# An interval for the smoothed density exists only where the error is normal. At the best bandwidth
# there is none, and none is given; at twice ``h_clt`` there is, and it says how well an estimate
# is known that is far too smooth.

for name, h in (("best", best), ("2 h_clt", 2 * regime.h_clt_)):
    interval = KernelDensity(bandwidth=h).fit(train).confidence_interval(test[:100], random_state=0)
    given = np.isfinite(interval[:, 0])
    width = np.median(np.ptp(interval[given], axis=1)) if given.any() else np.nan
    print(f"bandwidth {h:5.2f} ({name}): {given.mean():.0%} with an interval, width {width:.2f}")

# %%
# The nearest neighbours give the best bandwidth to a tenth.

assert abs(regime.h_kl_ / best - 1) < 0.1
print(f"best held-out bandwidth {best:.2f}, h_kl {regime.h_kl_:.2f}: {regime.label_}")
