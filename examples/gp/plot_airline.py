"""
Airline passengers: lines found, and continued
==============================================

A spectral mixture can continue what repeats, if its lines start in the right places. Here they are
found in the periodogram of the logarithm of the passengers, and as many kept as the evidence bears
out; nothing is set by hand.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.datasets import load_airline
from kernlab.gp import SpectralMixtureGPRegressor, SpectrumDisplay

# %%
# Nine years to learn from, three to forecast
# -------------------------------------------

airline = load_airline()
X, y = airline.data, np.log(airline.target)
gp = SpectralMixtureGPRegressor().fit(X[:108], y[:108])
mean, std = gp.predict(X[108:], return_std=True)
rmse = np.sqrt(np.mean((mean - y[108:]) ** 2))
coverage = np.mean(np.abs(mean - y[108:]) < 1.96 * std)
print(f"{gp.n_components_} components: lines at {np.sort(gp.lines_[:, 0]).round(2)} per year")
print(f"root mean square error {rmse:.3f} of the logarithm; 95 % band covers {coverage:.0%}")
assert rmse < 0.05

# %%
# The forecast, and the spectrum it is made of. The season is no sine: its harmonics are lines too.
# Where the spectrum is below the dashed noise, the data say nothing about it.

fig, axes = plt.subplots(2, 1, figsize=(9, 7), layout="constrained")
years = airline.start + X[:, 0]
axes[0].plot(years[:108], y[:108], color="0.2", lw=1, label="learned from")
axes[0].plot(years[108:], y[108:], "k.", ms=4, label="what came")
axes[0].plot(years[108:], mean, color="C0", label="forecast")
axes[0].fill_between(
    years[108:], mean - 1.96 * std, mean + 1.96 * std, color="C0", alpha=0.25, label="95 % band"
)
axes[0].set(xlabel="year", ylabel="log of thousands of passengers", title="Airline passengers")
axes[0].legend(loc="upper left", ncols=2)
SpectrumDisplay.from_estimator(gp, ax=axes[1])
axes[1].set(xlabel="cycles per year", title="Spectrum of the fitted process")
plt.show()
