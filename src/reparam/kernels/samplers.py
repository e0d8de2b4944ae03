"""Native samplers, keyed from torch's random generators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from .._torch import is_ordinary_mode, is_plain_cpu
from .layout import FLOATS, repeated
from .library import native


def usable(tensor: Tensor) -> bool:
    """Do the native samplers take this tensor of parameters, here and now?

    Returns:
        True for a float32 or float64 CPU tensor in ordinary eager mode, if the library is there.

    Example:
        >>> usable(torch.ones(3, dtype=torch.int64))
        False
    """
    return native is not None and is_ordinary_mode() and is_plain_cpu(tensor) and tensor.dtype in FLOATS


def standard_gamma_log(
    concentration: Tensor,
    shape: Sequence[int],
    generator: Generator | None = None,
    derivative: bool = True,
) -> tuple[Tensor, Tensor | None]:
    r"""Logarithms of standard gamma draws, and how each moves with its concentration.

    With :math:`y = \log x`, :math:`x \sim \mathrm{Gamma}(a, 1)`, the derivative is taken at fixed probability:
    :math:`dy/da = -\partial_a P(a, x) / (x\, p(x; a))`. The logarithm reaches draws far below the smallest
    float, as they are usual for small concentrations.

    The draws depend on the state of the generator, which gives one 63-bit key, and on nothing else: neither
    on the number of threads nor, up to rounding, on the processor. No gradient is recorded.

    Args:
        concentration: positive concentrations, a tensor that is ``usable``.
        shape: the shape of the draws, to which ``concentration`` broadcasts.
        generator: the source of the key; torch's default generator if None.
        derivative: whether the derivatives are wanted.

    Returns:
        The logarithms and the derivatives (None unless wanted).

    Raises:
        RuntimeError: if the concentrations are not ``usable``.

    References:
        Marsaglia and Tsang, A simple method for generating gamma variables, 2000.
        Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> a = torch.tensor([0.001, 5.0])
        >>> y, slope = standard_gamma_log(a, (100, 2)) if usable(a) else (torch.ones(100, 2),) * 2
        >>> y.shape, bool(y.isfinite().all()), bool((slope > 0).all())
        (torch.Size([100, 2]), True, True)
    """
    return _keyed("standard_gamma_log", concentration, shape, generator, derivative)


def standard_von_mises(
    concentration: Tensor,
    shape: Sequence[int],
    generator: Generator | None = None,
    derivative: bool = True,
) -> tuple[Tensor, Tensor | None]:
    r"""Standard von Mises draws, with the mode 0 and in :math:`[-\pi, \pi]`, and how each moves with its concentration.

    The derivative is taken at fixed probability: :math:`dx/d\kappa = -\partial_\kappa F(x) / p(x)`. As for
    :func:`standard_gamma_log`, the generator's state alone decides the draws.

    Args:
        concentration: concentrations, not negative, a tensor that is ``usable``.
        shape: the shape of the draws, to which ``concentration`` broadcasts.
        generator: the source of the key; torch's default generator if None.
        derivative: whether the derivatives are wanted.

    Returns:
        The draws and the derivatives (None unless wanted).

    Raises:
        RuntimeError: if the concentrations are not ``usable``.

    References:
        Best and Fisher, Efficient simulation of the von Mises distribution, 1979.

    Example:
        >>> a = torch.tensor([0.0, 1e6])
        >>> x, slope = standard_von_mises(a, (100, 2)) if usable(a) else (torch.zeros(100, 2),) * 2
        >>> x.shape, bool((x[:, 1].abs() < 0.01).all())
        (torch.Size([100, 2]), True)
    """
    return _keyed("standard_von_mises", concentration, shape, generator, derivative)


def _keyed(
    sampler: str, concentration: Tensor, shape: Sequence[int], generator: Generator | None, derivative: bool
) -> tuple[Tensor, Tensor | None]:
    """Draws of a law with one parameter, and their derivatives in it if wanted."""
    if native is None or not usable(concentration):
        raise _refusal(sampler, concentration)
    size = torch.Size(shape)
    source = concentration.detach()
    if source.shape != size[len(size) - source.ndim :]:
        source = source.expand(size)
    source = source.contiguous().resolve_neg()
    n = size.numel()
    sample = torch.empty_like(source) if source.shape == size else source.new_empty(size)
    slope = torch.empty_like(sample) if derivative else None
    key = int(_key(generator))
    if n:
        getattr(native, sampler)(
            FLOATS[source.dtype], n, source.numel(), source.data_ptr(), key, sample.data_ptr(),
            0 if slope is None else slope.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
    return sample, slope


def categorical(
    weights: Tensor, shape: Sequence[int], generator: Generator | None = None, logarithms: bool = False
) -> Tensor:
    """Indices drawn with probability proportional to the weights in the last dimension, by their running sums.

    The sums are in double precision; a weight of zero is never drawn. The draws depend on the state of the
    generator, which gives one 63-bit key, and not on the number of threads.

    Args:
        weights: ``[*batch, k]``, finite and nonnegative with a positive sum, a tensor that is ``usable``.
        shape: the shape of the draws, ``[*sample, *batch]``.
        generator: the source of the key; torch's default generator if None.
        logarithms: whether ``weights`` are the logarithms of the weights.

    Returns:
        Indices of dtype int64.

    Raises:
        RuntimeError: if the weights are not ``usable``.

    Example:
        >>> w = torch.tensor([0.0, 1.0, 0.0])
        >>> categorical(w, (4,)).tolist() if usable(w) else [1, 1, 1, 1]
        [1, 1, 1, 1]
    """
    if native is None or not usable(weights):
        raise _refusal("categorical", weights)
    draws = torch.empty(shape, dtype=torch.int64)
    key = int(_key(generator))
    if draws.numel():
        source, rows = repeated(weights.detach(), weights.shape[:-1], weights.shape[-1:])
        native.categorical(
            FLOATS[source.dtype], logarithms, rows, weights.shape[-1], draws.numel(), source.data_ptr(), key,
            draws.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
    return draws


NOISES = ("exponential", "gumbel", "laplace", "logistic", "cauchy")  # in the order of the library's enumeration


def noise(law: str, shape: torch.Size, like: Tensor, generator: Generator | None = None) -> Tensor:
    """Standard draws of a law whose quantiles have a closed form, right in both tails down to probabilities of 1e-19.

    As for :func:`standard_gamma_log`, the generator's state alone decides the draws.

    Args:
        law: one of ``NOISES``.
        shape: the shape of the draws.
        like: a tensor that is ``usable``, whose dtype the draws have.
        generator: the source of the key; torch's default generator if None.

    Raises:
        RuntimeError: if ``like`` is not ``usable``.

    Example:
        >>> like = torch.zeros(())
        >>> draws = noise("cauchy", torch.Size((100,)), like) if usable(like) else torch.zeros(100)
        >>> draws.shape, bool(draws.isfinite().all())
        (torch.Size([100]), True)
    """
    if native is None or not usable(like):
        raise _refusal(law, like)
    draws = torch.empty(size=shape, dtype=like.dtype)
    native.noise(NOISES.index(law), draws, _key(generator))
    return draws


def _key(generator: Generator | None) -> Tensor:
    """63 random bits."""
    return torch.randint(2**63 - 1, (), generator=generator)


def _refusal(sampler: str, tensor: Tensor) -> RuntimeError:
    return RuntimeError(
        f"the native {sampler} sampler needs the compiled library and a float32 or float64 CPU tensor in eager "
        f"mode, not {tensor.dtype} on {tensor.device}"
    )
