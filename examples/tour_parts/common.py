"""What the parts of the tour share."""

import time
from pathlib import Path

import matplotlib.pyplot as plt

OUTPUT = Path("tour")


def timed(function, *arguments):
    """The result and the best seconds of three runs, so that compilation does not count."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def save(figure, name):
    figure.savefig(OUTPUT / name, dpi=120)
    plt.close(figure)
    print(f"wrote {OUTPUT / name}")
