"""Special functions in log space, where their values over- or underflow."""

from kernlab.special._bessel import iv_ratio, log_iv, log_kv

__all__ = ["iv_ratio", "log_iv", "log_kv"]
