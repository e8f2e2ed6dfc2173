"""Compiled recurrences of a sparse matrix on a block of columns."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernlab._core.jit import njit

# A row of a block is one line of cache, and one register where the processor has wide ones.
ROW_BYTES = 64


@intrinsic
def _row_times_block(typing_context, data, indices, start, stop, block, out):
    """``out[0, :] = sum(data[p] * block[indices[p], :] for p in range(start, stop))``.

    The sums stay in vector registers, of which LLVM's own vectoriser makes nothing here: as plain
    loops the same runs at a third of the speed.
    """
    width = 8 * ROW_BYTES // block.dtype.bitwidth

    def codegen(context, builder, signature, args):
        data, indices, block, out = (
            context.make_array(signature.args[k])(context, builder, args[k]).data
            for k in (0, 1, 4, 5)
        )
        row_type = ir.VectorType(data.type.pointee, width)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        undefined = ir.Constant(row_type, ir.Undefined)
        alignment = signature.args[4].dtype.bitwidth // 8
        rows = builder.bitcast(block, row_type.as_pointer())
        total = cgutils.alloca_once_value(builder, ir.Constant(row_type, [0.0] * width))
        step = ir.Constant(args[2].type, 1)
        with cgutils.for_range_slice(builder, args[2], args[3], step) as (p, _):
            entry = builder.load(builder.gep(data, [p]))
            first = builder.insert_element(undefined, entry, ir.Constant(ir.IntType(32), 0))
            factor = builder.shuffle_vector(first, undefined, everywhere)
            column = builder.load(builder.gep(indices, [p]))
            row = builder.load(builder.gep(rows, [column]), align=alignment)
            product = builder.fmul(factor, row, flags=("contract",))
            builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        builder.store(
            builder.load(total), builder.bitcast(out, row_type.as_pointer()), align=alignment
        )
        return context.get_dummy_value()

    return types.void(data, indices, start, stop, block, out), codegen


@njit(fastmath={"contract", "nsz"})
def add_terms(
    indptr, indices, data, current, previous, memory, coefficients, first, last, smallest, sums
):
    """Add ``coefficients[k, s] v_k`` to ``sums[s]``, with ``v_k = A v_(k-1) - memory v_(k-2)``.

    Parameters
    ----------
    indptr, indices, data : arrays
        The matrix A in CSR form.
    current, previous : (n, width) contiguous arrays, overwritten
        v_0 and v_-1, with rows of 64 bytes. They end as the last two terms.
    memory : float
        0 for powers of A, 1 for Chebyshev polynomials.
    coefficients : (K + 1, n_sums) array
        The row k = 0 is left to the caller.
    first, last : (K + 1,) int64 arrays
        Sums ``first[k]:last[k]`` have coefficients other than zero.
    smallest : float
        Values below are set to zero, before they become subnormal and slow.
    sums : (n_sums, n, width) array, in and out
    """
    product = coefficients.dtype.type(0) * current[:1]
    zero = product[0, 0]
    for k in range(1, coefficients.shape[0]):
        for i in range(current.shape[0]):
            _row_times_block(  # type: ignore[call-arg] # Numba passes the first argument
                data, indices, indptr[i], indptr[i + 1], current, product
            )
            for b in range(current.shape[1]):
                value = product[0, b] - memory * previous[i, b]
                previous[i, b] = value if abs(value) >= smallest else zero
            for s in range(first[k], last[k]):
                for b in range(current.shape[1]):
                    sums[s, i, b] += coefficients[k, s] * previous[i, b]
        current, previous = previous, current


@njit(fastmath={"contract", "nsz"})
def conjugate_gradients(indptr, indices, data, diagonal, X, residual, goals, max_iter):
    """Solve for all columns of a block together, each until its residual is small.

    Parameters
    ----------
    indptr, indices, data : arrays
        A symmetric positive semi-definite matrix in CSR form, float64.
    diagonal : (n,) array
        The preconditioner, above zero.
    X, residual : (n, width) contiguous float64 arrays, in and out
        With rows of 64 bytes.
    goals : (width,) array
        Squares of the norms of residuals that are small enough.
    max_iter : int

    Returns
    -------
    norms : (width,) array
        Squares of those reached.
    """
    n, width = X.shape
    direction, image = np.zeros_like(X), np.zeros_like(X)
    product = np.zeros_like(X[:1])
    slope, norms = np.zeros(width), np.zeros(width)
    for i in range(n):
        for b in range(width):
            value = residual[i, b]
            direction[i, b] = value / diagonal[i]
            slope[b] += value * direction[i, b]
            norms[b] += value * value
    step, turn, curvature = np.zeros(width), np.zeros(width), np.zeros(width)
    for _ in range(max_iter):
        curvature[:] = 0.0
        for i in range(n):
            _row_times_block(  # type: ignore[call-arg] # Numba passes the first argument
                data, indices, indptr[i], indptr[i + 1], direction, product
            )
            for b in range(width):
                image[i, b] = product[0, b]
                curvature[b] += direction[i, b] * product[0, b]
        moving = False
        for b in range(width):
            # Columns that are solved, or cannot be, stand still.
            moves = norms[b] > goals[b] and curvature[b] > 0.0
            moving |= moves
            step[b] = slope[b] / curvature[b] if moves else 0.0
            turn[b] = 1.0 / slope[b] if moves else 0.0
        if not moving:
            break
        slope[:] = norms[:] = 0.0
        for i in range(n):
            weight = 1.0 / diagonal[i]
            for b in range(width):
                X[i, b] += step[b] * direction[i, b]
                value = residual[i, b] - step[b] * image[i, b]
                residual[i, b] = value
                norms[b] += value * value
                slope[b] += value * value * weight
        for b in range(width):
            turn[b] *= slope[b]
        for i in range(n):
            weight = 1.0 / diagonal[i]
            for b in range(width):
                direction[i, b] = residual[i, b] * weight + turn[b] * direction[i, b]
    return norms
