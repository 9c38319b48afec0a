"""Engine and strategies import nothing that can read a clock, a file, a socket, the environment or
a random source, and do not reach for one through what they do import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.repository import ROOT

PACKAGES: Final = {
    "hotpath": ROOT / "hotpath",
    "kairos": ROOT / "layers" / "domain" / "python" / "kairos",
}
# What the engine may stand on. Nothing here opens, reads, listens or draws by being used as listed.
ALLOWED: Final = frozenset(
    {
        "__future__", "bisect", "collections", "collections.abc", "dataclasses", "decimal", "enum",
        "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re",
        "typing",
        "datetime",  # for dates that are written down; ATTRIBUTES names what reads the clock
        "msgspec",
        "numpy", "numpy.typing", "scipy.special",
    }
)  # fmt: skip
# What reads the world although its module is allowed, reached as an attribute or imported by name.
ATTRIBUTES: Final = frozenset(
    {
        "now", "utcnow", "today", "fromtimestamp",  # datetime, without and with the local zone
        "random", "default_rng", "load", "loadtxt", "fromfile", "memmap", "genfromtxt",  # numpy
        "save", "savetxt", "tofile",
        "file_digest",  # hashlib
    }
)  # fmt: skip
BUILTINS: Final = frozenset(
    {
        "__import__", "open", "exec", "eval", "compile", "input", "breakpoint", "globals",
        "hash", "id",  # differ from process to process
    }
)  # fmt: skip


class Impure(Exception):
    """Where a module reaches outside, and how."""


def module_file(name: str) -> Path | None:
    first, *rest = name.split(".")
    if first not in PACKAGES:
        return None
    base = PACKAGES[first].joinpath(*rest)
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    """Nodes under `if TYPE_CHECKING:`, which never run."""
    blocks = (
        node for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )  # fmt: skip
    return {inner for block in blocks for each in block.body for inner in ast.walk(each)}


def imports_of(tree: ast.Module, name: str) -> Iterator[tuple[str, int]]:
    """Every module a source imports, with the line; submodules named in `from` included."""
    ignored = type_checking_only(tree)
    for node in ast.walk(tree):
        if node in ignored:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise Impure(f"{name}:{node.lineno} imports relatively, which hides what it is")
            yield node.module, node.lineno
            for alias in node.names:
                if module_file(f"{node.module}.{alias.name}"):
                    yield f"{node.module}.{alias.name}", node.lineno


def check_source(source: str, name: str) -> set[str]:
    """Raise Impure, or name the first-party modules the source imports."""
    tree = ast.parse(source)
    ours = set()
    for module, line in imports_of(tree, name):
        if module.split(".")[0] in PACKAGES:
            ours.add(module)
        elif module not in ALLOWED:
            raise Impure(f"{name}:{line} imports {module}")
    for node in ast.walk(tree):
        if _reaches_out(node):
            raise Impure(f"{name}:{getattr(node, 'lineno', '?')} uses {ast.unparse(node)}")
    return ours


def _reaches_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ATTRIBUTES
    if isinstance(node, ast.alias):
        return node.name.rpartition(".")[2] in ATTRIBUTES
    return isinstance(node, ast.Name) and node.id in BUILTINS


def check(roots: list[str], planted: Mapping[str, str] | None = None) -> set[str]:
    """Check modules and all they import; `planted` are sources that stand in for files."""
    sources = planted or {}
    waiting, checked = list(roots), set()
    while waiting:
        name = waiting.pop()
        if name in checked:
            continue
        checked.add(name)
        path = module_file(name)
        if name in sources:
            waiting.extend(check_source(sources[name], name))
        elif path is None:
            raise Impure(f"{name} has no source")
        else:
            waiting.extend(check_source(path.read_text(encoding="utf-8"), name))
        if "." in name:
            waiting.append(name.rpartition(".")[0])  # importing a module runs its packages
    return checked


def roots() -> list[str]:
    strategies = sorted((PACKAGES["hotpath"] / "strategies").rglob("*.py"))
    dotted = (path.relative_to(ROOT).with_suffix("").as_posix() for path in strategies)
    return [
        "hotpath.engine",
        *(each.replace("/", ".").removesuffix(".__init__") for each in dotted),
    ]


def test_the_engine_and_its_strategies_reach_nothing_outside() -> None:
    checked = check(roots())
    assert {
        "hotpath.books", "hotpath.account", "hotpath.strategies.btc_edge.strategy",
        "hotpath.strategies.btc_edge_v1", "kairos.domain.book", "kairos.domain.ledger",
        "kairos.messages.events", "kairos.errors",
    } <= checked  # fmt: skip


PLANTED: Final = [
    "import time",
    "import os",
    "from os import environ",
    "import socket",
    "import random",
    "from secrets import token_hex",
    "import uuid",
    "import pathlib",
    "import io",
    "import asyncio",
    "import threading",
    "import subprocess",
    "import importlib",
    "import builtins",
    "import ctypes",
    "import numpy.random",
    "from numpy import random",
    "from scipy import stats",
    "import kairos.adapters.capture.lines as lines\nimport logging",
    "def late():\n    import time",
    "try:\n    import time\nexcept ImportError:\n    pass",
    "from . import session",
    "from datetime import datetime\nnow_ns = datetime.now()",
    "import datetime\nstamp = datetime.date.today()",
    "import numpy as np\nnoise = np.random.default_rng()",
    "text = open('x').read()",
    "clock = __import__('time')",
    "seed = hash('text')",
    "eval('1')",
]


@pytest.mark.parametrize("source", PLANTED)
def test_the_check_finds_what_is_planted(source: str) -> None:
    """In a strategy itself, and three imports away from it."""
    with pytest.raises(Impure):
        check(["hotpath.strategies.planted"], {"hotpath.strategies.planted": source})
    chain = {
        "hotpath.strategies.planted": "from hotpath.first import thing",
        "hotpath.first": "import kairos.domain.second",
        "kairos.domain.second": source,
    }
    with pytest.raises(Impure, match=r"kairos\.domain\.second"):
        check(["hotpath.strategies.planted"], chain)


def test_the_check_passes_what_is_harmless() -> None:
    source = (
        "from typing import TYPE_CHECKING\nimport math\nfrom datetime import datetime\n"
        "if TYPE_CHECKING:\n    from pathlib import Path\n"
        "def moment(text: str) -> datetime:\n    return datetime.fromisoformat(text)\n"
    )
    assert check_source(source, "planted") == set()


@pytest.mark.parametrize("outside", ["hotpath.session", "hotpath.run_record", "hotpath.assembly"])
def test_the_shell_around_the_engine_would_not_pass(outside: str) -> None:
    with pytest.raises(Impure):
        check([outside])
