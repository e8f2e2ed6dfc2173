"""Optional dependencies, imported where they are used."""

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
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'kernlab[{extra}]' brings it."
        ) from error
