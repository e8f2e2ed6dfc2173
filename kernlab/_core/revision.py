"""Stamps that tie a compiled file to the files it inlines.

Numba's disk cache notices a change of the file a function stands in, not of the files its callees
stand in. A file that compiles code from elsewhere writes down the revision of that code; a test
compares the two, and whoever changes one is told to change the other, which renews the cache.
"""

import hashlib
import inspect


def revision(*modules):
    """Eight hexadecimal digits that depend on the source text of ``modules``."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()[:8]
