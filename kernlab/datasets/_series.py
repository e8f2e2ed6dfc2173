"""Two monthly series that time-series methods are tried on."""

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch


def load_airline(*, return_X_y=False):
    """International airline passengers by month, 1949 to 1960.

    144 months of a growing trend and a season that grows with it; its logarithm has a season of
    constant size, with lines at 1, 2 and 3 cycles per year and more.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    Returns
    -------
    series : Bunch
        ``data`` of shape (144, 1), years since the first month; ``target`` of shape (144,),
        thousands of passengers; ``start``, the year of the first month; ``DESCR``.

    References
    ----------
    Box, Jenkins, *Time Series Analysis: Forecasting and Control*, Holden-Day 1970, series G.

    Examples
    --------
    >>> from kernlab.datasets import load_airline
    >>> X, y = load_airline(return_X_y=True)
    >>> X.shape, y[:3]
    ((144, 1), array([112., 118., 132.]))
    """
    return _load("airline.csv", load_airline, return_X_y)


def load_co2(*, return_X_y=False):
    """Atmospheric carbon dioxide on Mauna Loa by month, March 1958 to December 2001.

    Monthly means of weekly measurements; the five months without any are left out, so that the
    series is not evenly spaced.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    Returns
    -------
    series : Bunch
        ``data`` of shape (521, 1), years since the first month; ``target`` of shape (521,), parts
        per million by volume; ``start``, the time of the first month in years; ``DESCR``.

    References
    ----------
    Keeling, Whorf, *Atmospheric CO2 records from sites in the SIO air sampling network*, in
    *Trends: A Compendium of Data on Global Change*, Oak Ridge National Laboratory 2004.

    Examples
    --------
    >>> from kernlab.datasets import load_co2
    >>> co2 = load_co2()
    >>> co2.data.shape, round(co2.start, 3)
    ((521, 1), 1958.167)
    """
    return _load("co2.csv", load_co2, return_X_y)


def _load(name, loader, return_X_y):
    text = (files("kernlab.datasets") / "data" / name).read_text(encoding="utf-8")
    table = np.loadtxt(text.splitlines(), delimiter=",", skiprows=1)
    # Counted in months first, so that equal steps are equal numbers.
    months = 12.0 * table[:, 0] + table[:, 1] - 1.0
    data, target = ((months - months[0]) / 12.0)[:, None], table[:, 2].copy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        start=float(months[0] / 12.0),
        feature_names=["years"],
        DESCR=loader.__doc__,
    )
