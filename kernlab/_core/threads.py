"""Work on slices of a range, by plain threads around compiled code that releases the GIL.

Plain threads rather than Numba's own: no threading layer that aborts when two threads of the user
enter it, no second compilation, and progress and interrupts between slices for free. The results
do not depend on the number of threads, for every slice is computed alike whoever computes it.
"""

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

from threadpoolctl import ThreadpoolController

from kernlab._core.progress import progress


def effective_n_jobs(n_jobs):
    """Number of threads: ``None`` is Numba's current count, negative counts back from all cores."""
    if n_jobs is None:
        from numba import get_num_threads

        return get_num_threads()
    if n_jobs == 0:
        raise ValueError(
            "n_jobs=0 has no meaning; give a positive number of threads, -1 for all cores, "
            "or None for Numba's current count."
        )
    if n_jobs < 0:
        return max(1, (os.cpu_count() or 1) + 1 + n_jobs)
    return n_jobs


def run_slices(work, n_items, *, slice_size, n_jobs=None, uses_blas=False, verbose=0, label=""):
    """Call ``work(slice)`` on consecutive slices that cover ``range(n_items)``.

    Parameters
    ----------
    work : callable
        Writes its result in place; must release the GIL to gain from threads.
    n_items, slice_size : int
        Length of the range, and of each slice but the last.
    n_jobs : int or None
        See :func:`effective_n_jobs`.
    uses_blas : bool
        Hold BLAS to one thread meanwhile: its threads and ours would compete for the same cores.
    verbose : int
        Show a progress bar where the work takes more than about two seconds.
    label : str
        What the bar says.
    """
    slices = [
        slice(start, min(start + slice_size, n_items)) for start in range(0, n_items, slice_size)
    ]
    n_threads = min(effective_n_jobs(n_jobs), len(slices))
    with SINGLE_THREADED_BLAS if uses_blas else nullcontext():
        if n_threads <= 1:
            for part in progress(slices, total=len(slices), verbose=verbose, label=label):
                work(part)
            return
        with ThreadPoolExecutor(n_threads) as pool:
            done = pool.map(work, slices)
            try:
                for _ in progress(done, total=len(slices), verbose=verbose, label=label):
                    pass
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


class _SingleThreadedBlas:
    """Hold BLAS to one thread while anyone is inside.

    The number is one for the process, so of threads that overlap the first in sets it and the last
    out restores it.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: Any = None

    def __enter__(self):
        with self._lock:
            if self._inside == 0:
                self._limits = _blas().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limits.restore_original_limits()


SINGLE_THREADED_BLAS = _SingleThreadedBlas()


@functools.cache
def _blas():
    """The BLAS libraries in this process; finding them takes milliseconds, so once."""
    import scipy.linalg  # noqa: F401 - loads the one that compiled code calls

    return ThreadpoolController()
