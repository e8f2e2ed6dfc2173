"""Warnings that point to the user's line."""

import sys
import warnings

_INSIDE = {"kernlab", "sklearn"}


def warn_user(message, category):
    """Warn as from the nearest caller that is neither of this package nor of scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
