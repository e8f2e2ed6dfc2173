"""Optional dependencies, imported where they are used."""

import warnings
from importlib import import_module

from kernlab.exceptions import MissingExtraError


def import_extra(module, *, extra, purpose):
    """Import ``module``, or say which extra of kernlab brings it.

    Parameters
    ----------
    module : str
        Dotted name, such as ``"matplotlib.pyplot"``.
    extra : str
        The extra of kernlab's packaging that installs it.
    purpose : str
        What needs it, as the subject of a sentence.
    """
    try:
        with warnings.catch_warnings():
            # What a library's own imports are deprecated for is no concern of ours or the user's.
            warnings.simplefilter("ignore", DeprecationWarning)
            return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'kernlab[{extra}]' brings it."
        ) from error
