"""The house: which room may import which, and how large files and functions may be."""

import ast
import pathlib
import re
import statistics
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "regrad_jax"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the top down; a room imports from rooms that stand below its own, and from its own. What stands on one
# line does not import each other.
FLOORS = [
    ["cli"],
    ["benchmarks"],
    ["evaluation"],
    ["api"],
    ["session"],
    ["training", "methods"],
    ["library"],
    ["checkpoint"],
    ["engine", "bank"],
    ["retrieval"],
    ["adaptation"],
    ["models"],
    ["data"],
    ["plotting", "machine", "home", "progress", "settings"],
    ["ranges"],
    ["errors"],
]
FLOOR = {room: number for number, rooms in enumerate(reversed(FLOORS)) for room in rooms}
MOST_LINES, MEDIAN_LINES, MOST_FUNCTION_LINES = 400, 170, 60


def room_of(file: pathlib.Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(file: pathlib.Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.parent != PACKAGE or f.name != "__init__.py"], ids=name_of
)
def test_imports_point_down(file):
    room = room_of(file)
    for module in imported_modules(ast.parse(file.read_text())):
        parts = module.split(".")
        if parts[0] != "regrad_jax" or len(parts) == 1:
            continue
        other = parts[1]
        assert other == room or FLOOR[other] < FLOOR[room], f"{name_of(file)} imports {module}"


def test_storage_knows_nothing_of_the_bank_above_it():
    above = {f.stem for f in (PACKAGE / "bank").glob("*.py")} - {"__init__", "records"}
    for file in (PACKAGE / "bank" / "storage").glob("*.py"):
        modules = set(imported_modules(ast.parse(file.read_text())))
        assert not {f"regrad_jax.bank.{name}" for name in above} & modules, name_of(file)


@pytest.mark.parametrize(
    ("word", "rooms"),
    [
        ("pmap", {"engine/devices.py"}),
        ("local_device_count", set()),
        ("local_devices", {"engine/devices.py"}),
        ("jax.devices()", {"engine/devices.py", "machine.py"}),
        ("flax.linen", {"models"}),
        ("absl", {"cli"}),
        ("ml_collections", {"cli", "training"}),
        ("orbax", {"training"}),
        ("tensorstore", {"bank"}),
    ],
)
def test_a_library_stays_in_its_room(word, rooms):
    for file in FILES:
        place = str(file.relative_to(PACKAGE))
        if any(place == room or place.startswith(f"{room}/") for room in rooms):
            continue
        code = ast.unparse(_without_docstrings(ast.parse(file.read_text())))
        assert word not in code, f"{place} speaks of {word}"


def test_the_core_is_pure():
    """The method's functions read no file, log nothing, and know no clock and no flag."""
    impure = {"pathlib", "os", "logging", "time", "absl", "shutil", "tempfile", "random", "sys"}
    for file in (PACKAGE / "adaptation").glob("*.py"):
        assert not impure & set(imported_modules(ast.parse(file.read_text()))), name_of(file)


def test_files_and_functions_are_small():
    lines = {name_of(f): len(f.read_text().splitlines()) for f in FILES if f.name != "__init__.py"}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
    assert statistics.median(lines.values()) < MEDIAN_LINES
    long = {
        f"{name_of(file)}: {node.name}": node.end_lineno - node.lineno + 1
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    }
    assert long == {}


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = [*node.body[1:], ast.Pass()]
    return tree


def test_library_messages_name_arguments_and_no_flags():
    """The command line translates `name` to --name; a Python exception must not say --name itself."""
    for file in FILES:
        if room_of(file) in ("cli", "benchmarks") or file.name == "assets.py":  # which runs pip
            continue
        for node in ast.walk(_without_docstrings(ast.parse(file.read_text()))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = re.sub(r"`regrad [^`]*`?", "", node.value)
                assert not re.search(r"(?<![\w-])--[a-z]", text), f"{name_of(file)}: {node.value!r}"
