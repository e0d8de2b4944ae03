"""Native samplers, keyed from torch's random generators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Generator, Tensor

from .._torch import is_ordinary_mode, is_plain_cpu
from .dispatch import Formula, Kernel, evaluate, through_formula
from .layout import FLOATS, arrange, repeated
from .library import ENTRIES, native

KEYS = 2**63 - 1  # how many there are
MANY = 4096  # draws, from which on their derivatives are kept


def usable(tensor: Tensor) -> bool:
    """Do the native samplers take this tensor of parameters, here and now?

    Returns:
        True for a float32 or float64 CPU tensor in ordinary eager mode, if the library is there.

    Example:
        >>> usable(torch.ones(3, dtype=torch.int64))
        False
    """
    return "log_gamma_draw" in ENTRIES and is_ordinary_mode() and is_plain_cpu(tensor) and tensor.dtype in FLOATS


def key_of(shape: Sequence[int], generator: Generator | None = None, like: Tensor | None = None) -> Tensor:
    """63 random bits, the same for every element of a shape.

    A native sampler takes them as its first input, and its draws depend on them, on the parameters and on each one's
    place alone: neither on the number of threads nor, up to rounding, on the processor. Whoever keeps the key can
    make the draws again, as a backward pass does.

    Args:
        shape: the shape of the draws, of rows if each is a row.
        generator: the source; torch's default generator if None.
        like: parameters of scalar draws: where these have that shape already, the key is one number.

    References:
        Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.

    Example:
        >>> key_of((2, 3)).unique().numel()
        1
    """
    key = _key(generator)
    return key if like is not None and like.shape == shape else key.expand(torch.Size(shape))


def draw(sampler: str, key: Tensor, *parameters: Tensor) -> Tensor:
    """The draws that a native sampler makes of a key, without a gradient, in any mode.

    Args:
        sampler: the name of the native function.
        key: from :func:`key_of`, of the shape of the draws.
        parameters: plain tensors of one floating dtype that broadcast to that shape.

    Raises:
        RuntimeError: if the sampler does not take them.

    Example:
        >>> a = torch.tensor([0.001, 5.0])
        >>> draw("log_gamma_draw", key_of((100, 2)), a).shape if usable(a) else torch.Size((100, 2))
        torch.Size([100, 2])
    """
    entry = ENTRIES.get(sampler)
    if entry is not None and is_ordinary_mode() and not torch.is_grad_enabled():
        drawn: Tensor | None = native.evaluate(entry.index, None, key, *parameters)
        if drawn is not None:
            return drawn
    return _run(sampler, key, parameters, [False] * len(parameters))[0]


def sampler(name: str) -> Callable[[Formula], Kernel]:
    """A decorator for a differentiable function of a key and parameters whose draws the native library makes.

    The native function is given tensors that are ``usable``. A backward pass of a few draws makes them again, which
    costs less than anything kept; for many, their derivatives are made with them. For derivatives of derivatives the
    decorated formula, of the same key, serves.

    Args:
        name: the native function, each of whose draws moves with its own parameters alone.

    Example:
        >>> @sampler("log_gamma_draw")
        ... def log_gamma(key, concentration):
        ...     return draw("log_gamma_draw", key, concentration)
        >>> a = torch.ones(3)
        >>> log_gamma(key_of((2, 3)), a).shape if usable(a) else torch.Size((2, 3))
        torch.Size([2, 3])
    """

    def decorate(formula: Formula) -> Kernel:
        def call(key: Tensor, *parameters: Tensor) -> Tensor:
            if key.numel() < MANY and parameters[0].numel() < MANY:
                value = evaluate(ENTRIES[name], formula, (key, *parameters))
                return formula(key, *parameters) if value is None else value
            tracked = torch.is_grad_enabled()
            wanted = [tracked and parameter.requires_grad for parameter in parameters]
            found = _run(name, key, parameters, wanted)
            return _apply(formula, found, key, *parameters) if any(wanted) else found[0]

        made = cast(Kernel, functools.update_wrapper(call, formula))
        made.formula = formula
        return made

    return decorate


Found = tuple[Tensor, list[Tensor | None]]


def _run(name: str, key: Tensor, parameters: Sequence[Tensor], wanted: Sequence[bool]) -> Found:
    """The draws, and for each parameter its derivatives if wanted."""
    entry, last = ENTRIES.get(name), parameters[-1]
    layout = None if entry is None else arrange(entry, [key, *parameters])
    if entry is not None and layout is not None:
        code, n, k, shape, inputs, _ = layout
        value = last.new_empty(shape + (k,) * entry.value_rank)
        slopes = [torch.empty_like(value) if want else None for want in wanted]
        threads = torch.get_num_threads() if n * k >= entry.grain else 1
        outputs = [value.data_ptr()]
        if any(wanted):
            outputs += [0, *[0 if slope is None else slope.data_ptr() for slope in slopes], 0, 1, 0]
        native.run(entry.index, code, n, k, threads, *inputs, *outputs)
        return value, slopes
    if entry is not None and 0 in (key.numel(), last.numel()):
        single = last.dim() - entry.value_rank
        empty = last.new_empty(torch.broadcast_shapes(key.shape, last.shape[:single]) + last.shape[single:])
        return empty, [empty if want else None for want in wanted]
    raise _refusal(name, last)


class _Drawn(torch.autograd.Function):
    """Draws with their derivatives in each parameter, which were computed with them."""

    @staticmethod
    def forward(ctx: Any, formula: Formula, found: Found, *tensors: Tensor) -> Tensor:
        ctx.formula = formula
        ctx.save_for_backward(*tensors, *found[1])
        return found[0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Sequence[Tensor | None]:
        wanted, saved = ctx.needs_input_grad[2:], ctx.saved_tensors
        tensors, slopes = saved[: len(wanted)], saved[len(wanted) :]
        if torch.is_grad_enabled():
            return None, None, *through_formula(ctx.formula, tensors, wanted, grad, create_graph=True)
        gradients: list[Tensor | None] = [None] * 3  # in the formula, what was found, and the key
        for parameter, slope, want in zip(tensors[1:], slopes, wanted[1:], strict=True):
            gradients.append((grad * slope).sum_to_size(parameter.shape) if want else None)
        return tuple(gradients)


# ``Function.apply`` unwraps what functorch left behind, which ordinary mode rules out, and then calls this.
_apply: Callable[..., Tensor] = super(torch.autograd.Function, _Drawn).apply


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
    draws = torch.empty(shape, dtype=torch.int64, device=weights.device)
    key = int(_key(generator))
    if draws.numel():
        source, rows = repeated(weights.detach(), weights.shape[:-1], weights.shape[-1:])
        native.categorical(
            FLOATS[source.dtype], logarithms, rows, weights.shape[-1], draws.numel(), source.data_ptr(), key,
            draws.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
    return draws


NOISES = ("exponential", "gumbel", "laplace", "logistic", "cauchy")  # in the order of the library's enumeration


def noise(law: str, shape: torch.Size, like: Tensor, generator: Generator | None = None) -> Tensor | None:
    """Standard draws of a law whose quantiles have a closed form, right in both tails down to probabilities of 1e-19.

    As for :func:`key_of`, the generator's state alone decides the draws.

    Args:
        law: one of ``NOISES``.
        shape: the shape of the draws.
        like: a tensor whose dtype the draws have.
        generator: the source of the key; torch's default generator if None.

    Returns:
        The draws, or None where ``like`` is not ``usable``.

    Example:
        >>> draws = noise("cauchy", torch.Size((100,)), torch.zeros(()))
        >>> draws is None or bool(draws.isfinite().all())
        True
    """
    if native is None or not is_ordinary_mode():
        return None
    drawn: Tensor | None = native.noise(NOISES.index(law), shape, like, _key, generator)
    return drawn


def noise_of(law: str, key: Tensor, like: Tensor) -> Tensor:
    """The standard draws that a native sampler of this key makes its own of.

    Args:
        law: one of ``NOISES``.
        key: from :func:`key_of`, of the shape of the draws.
        like: a ``usable`` tensor whose dtype the draws have.

    Example:
        >>> like = torch.ones(())
        >>> noise_of("exponential", key_of((2, 3)), like).shape if usable(like) else torch.Size((2, 3))
        torch.Size([2, 3])
    """
    drawn: Tensor = native.noise(NOISES.index(law), key.shape, like, key.__getitem__, (0,) * key.dim())
    return drawn


def _key(generator: Generator | None) -> Tensor:
    """63 random bits."""
    return torch.randint(KEYS, ()) if generator is None else torch.randint(KEYS, (), generator=generator)


def _refusal(sampler: str, tensor: Tensor) -> RuntimeError:
    return RuntimeError(
        f"the native {sampler} sampler needs the compiled library and a float32 or float64 CPU tensor in eager "
        f"mode, not {tensor.dtype} on {tensor.device}"
    )
