def log_iv(v, x):
    raise TypeError


def log_kv(v, x):
    raise TypeError


def iv_ratio(v, x):
    raise TypeError
