"""Kernels of scikit-learn's kind as modules of GPyTorch, evaluated by NumPy."""

import functools
from typing import Any

import numpy as np
from sklearn.base import clone

from kernlab._core.extras import import_extra


def torch_kernel(kernel):
    """A kernel as a module of GPyTorch, with a parameter for each hyperparameter.

    Parameters
    ----------
    kernel : sklearn.gaussian_process.kernels.Kernel
        With positive numbers as hyperparameters, and a method ``evaluate(X, Y, gradient=bool)``
        that returns the kernel (n, m) and, or None, its derivatives (n_hyperparameters, n, m) by
        their logarithms, free or fixed, in the order of ``hyperparameters``.

    Returns
    -------
    module : gpytorch.kernels.Kernel
        Values and derivatives are computed in double precision on the CPU. Hyperparameters with
        bounds ``"fixed"`` do not require gradients.

    Raises
    ------
    MissingExtraError
        If GPyTorch is not installed: extra ``gp``.
    """
    return _module_class(tuple(each.name for each in kernel.hyperparameters))(kernel)


@functools.cache
def _module_class(names):
    # Made at the first call, for its bases are not imported before.
    gpytorch: Any = import_extra("gpytorch", extra="gp", purpose="to_gpytorch")
    torch: Any = import_extra("torch", extra="gp", purpose="to_gpytorch")

    function: Any = torch.autograd.Function
    base: Any = gpytorch.kernels.Kernel

    class Evaluate(function):
        """Kernel values, with derivatives by the logarithms of hyperparameters alongside."""

        @staticmethod
        def forward(ctx, X, Y, kernel, *values):
            kernel = clone(kernel).set_params(**dict(zip(names, map(float, values), strict=True)))
            needed = any(ctx.needs_input_grad)
            K, ctx.dK = kernel.evaluate(_array(X), _array(Y), gradient=needed)
            ctx.save_for_backward(*values)
            dtype = X.dtype if X.is_floating_point() else values[0].dtype
            return torch.as_tensor(K, dtype=dtype, device=X.device)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gradient):
            parts = np.einsum("kij,ij->k", ctx.dK, _array(gradient))
            slopes = (
                part / value.detach() for part, value in zip(parts, ctx.saved_tensors, strict=True)
            )
            return None, None, None, *slopes

    class NumpyKernel(base):
        """A kernel of scikit-learn's kind, with its hyperparameters as parameters."""

        has_lengthscale = False

        def __init__(self, kernel):
            super().__init__()
            self.evaluated = kernel
            for hyperparameter in kernel.hyperparameters:
                name = hyperparameter.name
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

        def _natural(self, name):
            constraint = getattr(self, f"raw_{name}_constraint", None)
            raw = getattr(self, f"raw_{name}")
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
            values = [getattr(self, name) for name in names]
            blocks = [
                Evaluate.apply(x, y, self.evaluated, *values)
                for x, y in zip(left, right, strict=True)
            ]
            K = torch.stack(blocks)
            return K.reshape(*batch, -1) if diag else K.reshape(*batch, *K.shape[-2:])

    for name in names:
        setattr(NumpyKernel, name, property(functools.partial(NumpyKernel._natural, name=name)))
    return NumpyKernel


def _array(tensor):
    return tensor.detach().cpu().numpy().astype(float)
