"""Which array library a value belongs to, decided once at the door.

NumPy arrays, lists and data frames go to NumPy and compiled code; arrays of any other library that
array-api-compat knows (torch, CuPy, array-api-strict) keep their library and device.
"""

import array_api_compat
import array_api_compat.numpy
import numpy as np
from sklearn.utils._array_api import _convert_to_numpy


def namespace_of(x):
    """The array namespace of ``x``; NumPy's for whatever NumPy can convert."""
    if is_foreign(x):
        return array_api_compat.array_namespace(x)
    return array_api_compat.numpy


def is_foreign(x):
    """Whether ``x`` is an array of a library other than NumPy that holds its data at once."""
    return (
        array_api_compat.is_array_api_obj(x)
        and not array_api_compat.is_numpy_array(x)
        and not array_api_compat.is_dask_array(x)
        and not array_api_compat.is_pydata_sparse_array(x)
    )


def is_numpy_namespace(xp):
    return array_api_compat.is_numpy_namespace(xp)


def device_of(x):
    return array_api_compat.device(x)


def on_cpu(x):
    """Whether the array's device is the processor itself."""
    return "cpu" in str(device_of(x)).lower()


def to_numpy(x):
    """A small array as NumPy; for d×d matrices and numbers, never for data."""
    if not is_foreign(x):
        return np.asarray(x)
    return _convert_to_numpy(_without_gradient(x), namespace_of(x))


def scalar(x):
    """A number out of a zero-dimensional array, without a torch gradient's warning."""
    return float(_without_gradient(x))


def _without_gradient(x):
    return x.detach() if getattr(x, "requires_grad", False) else x


def from_numpy(x, like, dtype=None):
    """A NumPy array in the namespace and on the device of ``like``."""
    xp = namespace_of(like)
    return xp.asarray(np.asarray(x), dtype=dtype or like.dtype, device=device_of(like))
