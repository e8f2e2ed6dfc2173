"""Kernels of infinitely wide networks as modules of GPyTorch."""

import functools
from typing import Any

import numpy as np
from sklearn.base import clone

from kernlab._core.extras import import_extra


def network_module(kernel):
    """See `NNGP.to_gpytorch`."""
    return _module_class()(kernel)


@functools.cache
def _module_class():
    # Made at the first call, for its bases are not imported before.
    gpytorch: Any = import_extra("gpytorch", extra="gp", purpose="to_gpytorch")
    torch: Any = import_extra("torch", extra="gp", purpose="to_gpytorch")

    function: Any = torch.autograd.Function
    base: Any = gpytorch.kernels.Kernel

    class Evaluate(function):
        """Kernel values with their derivatives by log σ_b² and log σ_w² computed alongside."""

        @staticmethod
        def forward(ctx, sigma_b, sigma_w, X, Y, kernel):
            kernel = clone(kernel).set_params(sigma_b=float(sigma_b), sigma_w=float(sigma_w))
            needed = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
            K, dK = kernel.evaluate(_array(X), _array(Y), gradient=needed)
            ctx.save_for_backward(sigma_b, sigma_w)
            ctx.dK = dK
            return torch.as_tensor(K, dtype=X.dtype, device=X.device)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gradient):
            parts = np.einsum("kij,ij->k", ctx.dK, _array(gradient))
            by_b, by_w = (
                2.0 * part / sigma.detach()
                for part, sigma in zip(parts, ctx.saved_tensors, strict=True)
            )
            return by_b, by_w, None, None, None

    class InfiniteNetworkKernel(base):
        """`NNGP` or `NTK` with parameters ``sigma_b`` and ``sigma_w``."""

        has_lengthscale = False

        def __init__(self, kernel):
            super().__init__()
            self.network = kernel
            for name in ("sigma_b", "sigma_w"):
                hyperparameter = getattr(kernel, f"hyperparameter_{name}")
                value = torch.tensor(float(getattr(kernel, name)), dtype=torch.float64)
                if hyperparameter.fixed:
                    self.register_buffer(f"raw_{name}", value)
                    continue
                self.register_parameter(f"raw_{name}", torch.nn.Parameter(value.clone()))
                low, high = (float(end) for end in np.ravel(hyperparameter.bounds))
                constraint = gpytorch.constraints.Interval(low, high)
                # In double precision, which it does not take of itself.
                constraint.lower_bound = torch.tensor(low, dtype=torch.float64)
                constraint.upper_bound = torch.tensor(high, dtype=torch.float64)
                self.register_constraint(f"raw_{name}", constraint)
                self.initialize(**{f"raw_{name}": constraint.inverse_transform(value)})

        @property
        def sigma_b(self):
            return self._natural("raw_sigma_b")

        @property
        def sigma_w(self):
            return self._natural("raw_sigma_w")

        def _natural(self, name):
            constraint = getattr(self, f"{name}_constraint", None)
            raw = getattr(self, name)
            return raw if constraint is None else constraint.transform(raw)

        def forward(self, x1, x2, diag=False, last_dim_is_batch=False, **params):
            if last_dim_is_batch:
                raise ValueError("last_dim_is_batch is not for a kernel of all columns at once.")
            if x1.requires_grad or x2.requires_grad:
                raise ValueError(
                    "this kernel differentiates by its hyperparameters alone; pass X.detach()."
                )
            batch = torch.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
            left = x1.expand(*batch, *x1.shape[-2:]).reshape(-1, *x1.shape[-2:])
            right = x2.expand(*batch, *x2.shape[-2:]).reshape(-1, *x2.shape[-2:])
            if diag:
                # Row by row: each row is a batch of one.
                left, right = (z.reshape(-1, 1, z.shape[-1]) for z in (left, right))
            blocks = [
                Evaluate.apply(self.sigma_b, self.sigma_w, x, y, self.network)
                for x, y in zip(left, right, strict=True)
            ]
            K = torch.stack(blocks)
            return K.reshape(*batch, -1) if diag else K.reshape(*batch, *K.shape[-2:])

    return InfiniteNetworkKernel


def _array(tensor):
    return tensor.detach().cpu().numpy().astype(float)
