"""Progress bars, on work over about two seconds and only where asked for."""


def progress(iterable, *, total, verbose, label):
    """``iterable`` itself, or inside a tqdm bar that appears after two seconds."""
    if not verbose:
        return iterable
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=label, delay=2.0, leave=False)
