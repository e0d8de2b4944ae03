"""Pytrees: every distribution, transform and constraint with tensors is a node whose leaves are its tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils import _pytree


def register_node(
    cls: type,
    flatten: Callable[[Any], tuple[list[Any], Any]],
    unflatten: Callable[[list[Any], Any], Any],
) -> None:
    """Make ``cls`` a pytree node for ``torch.func``, ``torch.compile`` and ``torch.utils._pytree``.

    Args:
        cls: the class itself; subclasses register their own.
        flatten: object -> (children, context). The context must be comparable with ``==``.
        unflatten: (children, context) -> object. Children may be anything (placeholders during tracing), so
            it must neither validate nor compute.
    """
    _pytree.register_pytree_node(
        cls,
        flatten,
        lambda children, context: unflatten(list(children), context),
        serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
    )


leaves = _pytree.tree_leaves
tree_map = _pytree.tree_map


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a tree, and the function that makes a tree of the same kind of others."""
    found, structure = _pytree.tree_flatten(tree)
    return found, lambda leaves: _pytree.tree_unflatten(leaves, structure)


def deep_copies(parts: dict[str, Any], memo: dict[int, Any]) -> dict[str, Any]:
    """Deep copies of the attributes of an object, of tensors within a graph too: their copies stay in the graph.

    Args:
        parts: the attributes by name.
        memo: what ``copy.deepcopy`` has copied so far.
    """
    for leaf in leaves(parts):
        if isinstance(leaf, Tensor) and not leaf.is_leaf and id(leaf) not in memo:
            memo[id(leaf)] = leaf.clone()
    return {name: copy.deepcopy(value, memo) for name, value in parts.items()}
