"""
Carbon dioxide: a band that is too narrow
=========================================

The evidence chooses the model that tells best what is in the data. How the trend goes on is not in
the data, and the band of a spectral mixture over twelve years of carbon dioxide does not say so.
Forecasting the past shows it before the future does.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.datasets import load_co2
from kernlab.gp import SpectralMixtureGPRegressor, rolling_origin_calibration

# %%
# Thirty-two years to learn from, twelve to forecast
# --------------------------------------------------
# Five components, given, and every second month, so that this page is made in seconds. With
# ``'auto'`` and all months there are five to ten, according to the row at which the data are cut,
# and the band, narrower still, contains 5 to 20 % of the values.

co2 = load_co2()
X, y = co2.data[::2], co2.target[::2]
n_train = 192
gp = SpectralMixtureGPRegressor(n_components=5).fit(X[:n_train], y[:n_train])
mean, std = gp.predict(X[n_train:], return_std=True)
error = mean - y[n_train:]
coverage = np.mean(np.abs(error) < 1.96 * std)
print(
    f"error {np.sqrt(np.mean(error**2)):.1f} ppm; the 95 % band contains {coverage:.0%} of the values"
)

# %%
# Forecast the past
# -----------------
# :func:`kernlab.gp.rolling_origin_calibration` fits the model to the past of several origins within
# the first thirty-two years, and compares. It tells, without a look at what is to be forecast, by
# how much the deviations are too small.

past = rolling_origin_calibration(
    SpectralMixtureGPRegressor(n_components=5),
    X[:n_train],
    y[:n_train],
    horizon=36,
    n_origins=3,
)
print(
    f"in the past, six years ahead: coverage {past.coverage:.0%}, "
    f"deviations to multiply by {past.std_factor:.1f}"
)
assert coverage < 0.8

# %%
fig, axes = plt.subplots(2, 1, figsize=(9, 7), layout="constrained")
years = co2.start + X[:, 0]
axes[0].plot(years, y, "k", lw=0.8, label="measured")
axes[0].plot(years[n_train:], mean, color="C0", lw=1, label="forecast")
axes[0].fill_between(
    years[n_train:],
    mean - 1.96 * std,
    mean + 1.96 * std,
    color="C0",
    alpha=0.3,
    label="95 % band as computed",
)
axes[0].set(xlim=(1980, 2002), ylim=(332, 382), xlabel="year", ylabel="CO2 in ppm")
axes[0].set_xticks(range(1980, 2003, 4))
axes[0].legend(loc="upper left")
past.plot(ax=axes[1])
axes[1].set(xlabel="steps of two months ahead, from three origins in the past")
plt.show()
