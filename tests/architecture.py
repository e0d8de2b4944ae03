"""Readers of source code for `test_architecture.py`: imports, floors, circles, private names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("_torch", "kernels", "special", "utils"),
    ("constraints", "core"),
    ("transforms", "implicit"),
    ("families", "combinators", "constraint_registry"),
    ("kl", "live", "estimators", "fit", "testing"),
    ("interop", "cli", "plots", "_modules"),
)
TOP = len(FLOORS) - 1
FLOOR_OF = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}


def sources(package: Path) -> dict[str, str]:
    """The modules of a package and their text, compiled ones by their stubs.

    Args:
        package: the folder of the package.
    """
    found = {}
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.pyi")]):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name + (".__init__" if parts[-1] == "__init__" else "")] = path.read_text("utf-8")
    return found


def _run_at_import(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements that run when the module is imported: not in functions or for typing."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from _run_at_import(ast.Module([other], []))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _run_at_import(node)


def _spelled(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, str]]:
    """``(module, name)`` for each name that an import statement mentions, in absolute terms."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
        return
    base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    module = ".".join([*base, *([node.module] if node.module else [])])
    yield from ((module, alias.name) for alias in node.names)


def import_graph(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Which module of the package imports which, when it is itself imported.

    Importing ``a.b.c`` also runs ``a`` and ``a.b``, so these count too, except for a module's own
    packages, which are running already.

    Args:
        modules: names and texts as `sources` gives them.
    """
    names = {name.removesuffix(".__init__") for name in modules}
    graph: dict[str, set[str]] = {}
    for full, text in modules.items():
        name = full.removesuffix(".__init__")
        package = name if full.endswith(".__init__") else name.rpartition(".")[0]
        edges = graph.setdefault(name, set())
        for node in _run_at_import(ast.parse(text)):
            for module, member in _spelled(node, package):
                target = f"{module}.{member}" if f"{module}.{member}" in names else module
                if target not in names:
                    continue
                edges.add(target)
                parts = target.split(".")
                parents = {".".join(parts[:i]) for i in range(1, len(parts))}
                edges |= {p for p in parents if p in names and not f"{name}.".startswith(f"{p}.")}
        edges.discard(name)
    return graph


def upward_imports(graph: Mapping[str, set[str]]) -> list[str]:
    """Imports of a higher floor, or of a unit that stands on no floor.

    The package's face imports everything; only the top floor may import the face.

    Args:
        graph: importer -> imported, as `import_graph` gives it.
    """
    wrong = []
    for importer, imported in graph.items():
        unit = [*importer.split("."), ""][1]
        if not unit:
            continue
        if unit not in FLOOR_OF:
            wrong.append(f"{importer} stands on no floor")
            continue
        for target in sorted(imported):
            floor = FLOOR_OF.get(target.split(".")[1], TOP) if "." in target else TOP
            if floor > FLOOR_OF[unit]:
                wrong.append(f"{importer} imports {target}, which stands above it")
    return wrong


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of imports, as the list of its modules; empty where there is none.

    Args:
        graph: importer -> imported, as `import_graph` gives it.
    """
    done: set[str] = set()

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for target in sorted(graph.get(name, ())):
                if found := search(target, [*path, name]):
                    return found
            done.add(name)
        return []

    for start in sorted(graph):
        if found := search(start, []):
            return found
    return []


def torch_names(text: str) -> set[str]:
    """Every dotted name below ``torch`` that a module imports or spells out.

    Args:
        text: the source of the module.
    """
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
            found |= {".".join(filter(None, pair)) for pair in _spelled(node, "")}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return {name for name in found if name.split(".")[0] == "torch"}


def is_private(name: str) -> bool:
    """True for a dotted name with a component that begins with one underscore.

    Args:
        name: such as ``torch.utils._pytree``.
    """
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def resolves_into(cls: type, module: str) -> list[str]:
    """Attributes of a class that it inherits from, or that were defined in, a module.

    Args:
        cls: the class.
        module: the module, or package, that nothing may come from.
    """

    def within(name: object) -> bool:
        return isinstance(name, str) and f"{name}.".startswith(f"{module}.")

    wrong = []
    for name in sorted(set(dir(cls)) - {"__dict__", "__weakref__", "__subclasshook__"}):
        owner = next((k for k in cls.__mro__ if name in vars(k)), object)
        value = vars(owner).get(name)
        inner = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
        if within(owner.__module__) or (within(getattr(inner, "__module__", None)) and not isinstance(inner, type)):
            wrong.append(name)
    return wrong
