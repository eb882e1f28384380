"""The shape of the code: what may import what, what the pure strata may touch, sizes and names."""

import ast
import functools
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

# Imports point down, or stay in their stratum.
STRATA = (
    *("errors", "openflow", "flowspace", "network", "policies", "slices", "configuration", "planning"),
    *("hypervisor", "connections", "admin", "emulation", "service", "cli"),
)
PURE = frozenset(STRATA[: STRATA.index("connections")])

# What the pure strata cannot need: connections, clocks, chance, logs, files, processes.
IMPURE_MODULES = frozenset(
    {
        *("OpenSSL", "asyncio", "click", "concurrent", "fcntl", "getpass", "glob", "http", "importlib"),
        *("logging", "multiprocessing", "os", "pathlib", "prometheus_client", "queue", "random", "requests"),
        *("sched", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "ssl"),
        *("subprocess", "sys", "tempfile", "threading", "time", "twisted", "urllib", "uuid", "warnings"),
        "yaml",
    }
)
IMPURE_CALLS = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})
CLOCKS = frozenset({("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")})

MANY_LINES_IN_A_FILE, TOO_MANY_LINES_IN_A_FILE = 400, 700
MOST_LINES_IN_A_FUNCTION = 60

BANNED_WORDS = re.compile(r"(manager|handler|processor|engine|helper)s?|utils?|utility|utilities|misc")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Folders at the top that are the admin's: data, never code.
DATA_FOLDERS = ("slices", "policies")


@attrs.frozen
class Module:
    """One file of the package, parsed."""

    path: str  # from the root, with slashes
    source: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")

    @property
    def stratum(self) -> str:
        return stratum_of(self.name)


@attrs.frozen
class Import:
    """One name imported by one module."""

    importer: Module
    line: int
    module: str
    target: str  # the module, or the module and the name in it
    level: int

    @property
    def place(self) -> str:
        return f"{self.importer.path}:{self.line}"


@attrs.frozen
class Code:
    """Everything under one root."""

    root: Path
    modules: tuple[Module, ...]

    @classmethod
    def read(cls, root: Path) -> "Code":
        modules = []
        for path in sorted((root / "flowvisor").rglob("*.py")):
            source = path.read_text("utf-8")
            name = path.relative_to(root).as_posix()
            modules.append(Module(path=name, source=source, tree=ast.parse(source, filename=name)))
        return cls(root=root, modules=tuple(modules))

    @property
    def pure_modules(self) -> list[Module]:
        return [module for module in self.modules if module.stratum in PURE]

    def imported_modules(self, module: Module) -> Iterator[tuple[Import, str]]:
        """Each import of one of our own modules, with the name of that module."""
        names = {module.name for module in self.modules}
        for imported in imports_of(module):
            if root_of(imported.target) == "flowvisor":
                yield imported, imported.target if imported.target in names else imported.module


def root_of(name: str) -> str:
    return name.partition(".")[0]


def stratum_of(name: str) -> str:
    """The second part of the name; the package itself is below all strata, `__main__` is `cli`."""
    parts = name.split(".")
    if len(parts) == 1:
        return ""
    return "cli" if parts[1] == "__main__" else parts[1]


def height_of(stratum: str) -> int:
    return STRATA.index(stratum) if stratum else -1


@functools.cache
def nodes_of(module: Module) -> tuple[ast.AST, ...]:
    """Everything in it; going through it costs more than what a rule does with it."""
    return tuple(ast.walk(module.tree))


@functools.cache
def imports_of(module: Module) -> tuple[Import, ...]:
    """All imports, those inside functions too: a late import is an import."""
    return tuple(_imports_of(module))


def _imports_of(module: Module) -> Iterator[Import]:
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, line=node.lineno, module=alias.name, target=alias.name, level=0)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                parent = node.module or ""
                target = f"{parent}.{alias.name}".lstrip(".")
                yield Import(module, line=node.lineno, module=parent, target=target, level=node.level)


# ------------------------------------------------------------------------------------------- the rules
# Each takes the code and yields complaints that begin with "file:line: ".

Rule = Callable[[Code], Iterator[str]]


def every_module_has_a_stratum(code: Code) -> Iterator[str]:
    for module in code.modules:
        if module.stratum and module.stratum not in STRATA:
            yield f"{module.path}:1: {module.stratum} is not a stratum"


def imports_are_absolute(code: Code) -> Iterator[str]:
    for module in code.modules:
        for imported in imports_of(module):
            if imported.level:
                yield f"{imported.place}: relative import of {imported.target}"


def imports_point_down(code: Code) -> Iterator[str]:
    for module in code.modules:
        if module.stratum and module.stratum not in STRATA:
            continue
        for imported, target in code.imported_modules(module):
            stratum = stratum_of(target)
            if stratum and stratum not in STRATA:
                yield f"{imported.place}: {target} is in no stratum"
            elif height_of(stratum) > height_of(module.stratum):
                yield f"{imported.place}: {module.stratum or 'flowvisor'} imports {target}, which is above it"


def imports_are_not_hidden(code: Code) -> Iterator[str]:
    for module in code.modules:
        for node in nodes_of(module):
            named = isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
            if named or (isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING"):
                yield f"{module.path}:{node.lineno}: TYPE_CHECKING: move the shared type down instead"


def imports_make_no_circle(code: Code) -> Iterator[str]:
    """Repeatedly take off the modules that import none that is left; what cannot be taken off is a circle."""
    left = {
        module.name: {target: seen.place for seen, target in code.imported_modules(module)}
        for module in code.modules
    }
    while free := [name for name, targets in left.items() if not targets.keys() & left.keys()]:
        for name in free:
            del left[name]
    for name, targets in left.items():
        for target, place in targets.items():
            if target in left:
                yield f"{place}: {name} imports {target}, in or on the way to a circle"


def the_pure_strata_import_nothing_impure(code: Code) -> Iterator[str]:
    for module in code.pure_modules:
        for imported in imports_of(module):
            if module.stratum == "configuration" and imported.target.startswith("pathlib.Pure"):
                continue
            if root_of(imported.target) == "yaml" and module.stratum == "configuration":
                continue
            if root_of(imported.target) in IMPURE_MODULES:
                yield f"{imported.place}: {module.stratum} is pure, it does not import {imported.target}"


def the_pure_strata_do_nothing_impure(code: Code) -> Iterator[str]:
    for module in code.pure_modules:
        for node in nodes_of(module):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in IMPURE_CALLS or tuple(called.split(".")[-2:]) in CLOCKS:
                yield f"{module.path}:{node.lineno}: {module.stratum} is pure, it does not call {called}()"


def the_admins_folders_hold_no_code(code: Code) -> Iterator[str]:
    for folder in DATA_FOLDERS:
        for path in sorted((code.root / folder).rglob("*.py")):
            yield f"{path.relative_to(code.root).as_posix()}:1: code in {folder}/, which is the admin's"
    for module in code.modules:
        for imported in imports_of(module):
            if root_of(imported.target) in DATA_FOLDERS and not imported.level:
                yield f"{imported.place}: import of {imported.target}, which is the admin's folder"


def every_module_has_its_tests(code: Code) -> Iterator[str]:
    for module in code.modules:
        path = Path(module.path)
        if path.name in ("__init__.py", "__main__.py"):
            continue
        tests = Path("tests", *path.parent.parts[1:], f"test_{path.name}")
        if not (code.root / tests).is_file():
            yield f"{module.path}:1: no {tests.as_posix()}"


def every_file_is_short(code: Code) -> Iterator[str]:
    for module in code.modules:
        lines = module.source.count("\n")
        if lines > TOO_MANY_LINES_IN_A_FILE:
            yield f"{module.path}:{lines}: {lines} lines, more than {TOO_MANY_LINES_IN_A_FILE}"
        elif lines > MANY_LINES_IN_A_FILE:
            warnings.warn(f"{module.path}: {lines} lines, more than {MANY_LINES_IN_A_FILE}", stacklevel=1)


def every_function_is_short(code: Code) -> Iterator[str]:
    for module in code.modules:
        for node in nodes_of(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                place = f"{module.path}:{node.lineno}"
                if lines > MOST_LINES_IN_A_FUNCTION:
                    yield f"{place}: {node.name} has {lines} lines, more than {MOST_LINES_IN_A_FUNCTION}"


def every_module_says_what_it_is(code: Code) -> Iterator[str]:
    for module in code.modules:
        docstring = ast.get_docstring(module.tree) or ""
        first_paragraph = docstring.partition("\n\n")[0]
        if not first_paragraph:
            yield f"{module.path}:1: no docstring"
        elif not re.search(r"[.!?:]['\")]*$", first_paragraph):
            yield f"{module.path}:1: the docstring does not start with a sentence: {first_paragraph!r}"
        elif re.search(r"\bthis (module|file|package)\b", first_paragraph, re.IGNORECASE):
            yield f"{module.path}:1: say what it is, without {first_paragraph.split(' ', 2)[:2]}"


def every_name_says_what_it_does(code: Code) -> Iterator[str]:
    for module in code.modules:
        names = [(1, module.name.rpartition(".")[2])]
        names += [(n.lineno, n.name) for n in nodes_of(module) if isinstance(n, ast.ClassDef)]
        for line, name in names:
            banned = [word for word in WORD.findall(name) if BANNED_WORDS.fullmatch(word.lower())]
            if banned:
                yield f"{module.path}:{line}: {name}: {', '.join(banned)} says nothing"


def an_init_holds_no_logic(code: Code) -> Iterator[str]:
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    for module in code.modules:
        for node in module.tree.body if module.is_package else []:
            if not isinstance(node, allowed):
                yield f"{module.path}:{node.lineno}: an __init__ holds the map and the public names, no logic"


RULES: tuple[Rule, ...] = (
    every_module_has_a_stratum,
    imports_are_absolute,
    imports_point_down,
    imports_are_not_hidden,
    imports_make_no_circle,
    the_pure_strata_import_nothing_impure,
    the_pure_strata_do_nothing_impure,
    the_admins_folders_hold_no_code,
    every_module_has_its_tests,
    every_file_is_short,
    every_function_is_short,
    every_module_says_what_it_is,
    every_name_says_what_it_does,
    an_init_holds_no_logic,
)


@pytest.fixture(scope="module")
def code() -> Code:
    return Code.read(Path(__file__).parents[1])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule, code: Code) -> None:
    complaints = list(rule(code))
    if complaints:
        pytest.fail("\n".join(["", *complaints]), pytrace=False)


# ------------------------------------------------------------------------------- the rules, seen red

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
OFFENCES: list[tuple[Rule, dict[str, str], str]] = [
    (every_module_has_a_stratum, {"flowvisor/extra.py": ""}, "flowvisor/extra.py:1: "),
    (imports_are_absolute, {"flowvisor/slices/a.py": "\nfrom . import b"}, "flowvisor/slices/a.py:2: "),
    (
        imports_point_down,
        {"flowvisor/openflow/a.py": "import attrs\nfrom flowvisor.slices.slice import Slice"},
        "flowvisor/openflow/a.py:2: openflow imports flowvisor.slices",
    ),
    (
        imports_point_down,
        {"flowvisor/cli.py": "", "flowvisor/service.py": "def f():\n    from flowvisor import cli"},
        "flowvisor/service.py:2: service imports flowvisor.cli",
    ),
    (imports_point_down, {"flowvisor/__init__.py": "import flowvisor.errors"}, "flowvisor/__init__.py:1: "),
    (
        imports_are_not_hidden,
        {"flowvisor/cli.py": "import typing\nif typing.TYPE_CHECKING:\n    import x"},
        "flowvisor/cli.py:2: ",
    ),
    (
        imports_make_no_circle,
        {
            "flowvisor/slices/a.py": "from flowvisor.slices import b",
            "flowvisor/slices/b.py": "\nimport flowvisor.slices.c",
            "flowvisor/slices/c.py": "def f():\n    from flowvisor.slices.a import A",
        },
        "flowvisor/slices/c.py:2: ",
    ),
    (
        imports_make_no_circle,
        {
            "flowvisor/slices/__init__.py": "from flowvisor.slices.a import A",
            "flowvisor/slices/a.py": "from flowvisor.slices import A",
        },
        "flowvisor/slices/a.py:1: ",
    ),
    *(
        (the_pure_strata_import_nothing_impure, {"flowvisor/errors.py": statement}, "flowvisor/errors.py:1: ")
        for statement in (
            *("import socket", "import twisted.internet", "from OpenSSL import SSL", "from time import time"),
            *("import logging", "from os import path", "from pathlib import Path", "import yaml"),
            *("import random", "from pathlib import PurePath", "import prometheus_client"),
        )
    ),
    (
        the_pure_strata_import_nothing_impure,
        {"flowvisor/configuration/reader.py": "from pathlib import PurePath, Path\nimport yaml"},
        "flowvisor/configuration/reader.py:1: configuration is pure, it does not import pathlib.Path",
    ),
    *(
        (the_pure_strata_do_nothing_impure, {"flowvisor/network/a.py": call}, "flowvisor/network/a.py:1: ")
        for call in ("open('x')", "print(1)", "datetime.now()", "datetime.datetime.utcnow()", "date.today()")
    ),
    (the_admins_folders_hold_no_code, {"slices/a.py": ""}, "slices/a.py:1: "),
    (the_admins_folders_hold_no_code, {"policies/x/a.py": ""}, "policies/x/a.py:1: "),
    (the_admins_folders_hold_no_code, {"flowvisor/cli.py": "from slices import a"}, "flowvisor/cli.py:1: "),
    (
        every_module_has_its_tests,
        {"flowvisor/hypervisor/translation/flow_mod.py": "", "tests/hypervisor/test_flow_mod.py": ""},
        "flowvisor/hypervisor/translation/flow_mod.py:1: no tests/hypervisor/translation/test_flow_mod.py",
    ),
    (every_file_is_short, {"flowvisor/cli.py": "x = 1\n" * 701}, "flowvisor/cli.py:701: "),
    (every_function_is_short, {"flowvisor/cli.py": LONG_FUNCTION}, "flowvisor/cli.py:1: f has 61 lines"),
    *(
        (every_module_says_what_it_is, {"flowvisor/cli.py": source}, "flowvisor/cli.py:1: ")
        for source in ("", '"""The command line"""', '"""This module is the command line."""')
    ),
    *(
        (every_name_says_what_it_does, {path: source}, f"{path}:1: ")
        for path, source in (
            ("flowvisor/slices/flow_utils.py", ""),
            ("flowvisor/slices/slicemanager_helper.py", ""),
            ("flowvisor/cli.py", "class XidManager: pass"),
            ("flowvisor/cli.py", "class HTTPHandlers: pass"),
        )
    ),
    (an_init_holds_no_logic, {"flowvisor/__init__.py": "\ndef f(): pass"}, "flowvisor/__init__.py:2: "),
]


@pytest.mark.parametrize(
    ("rule", "files", "complaint"), OFFENCES, ids=[rule.__name__ for rule, _, _ in OFFENCES]
)
def test_a_rule_sees_an_offence(rule: Rule, files: dict[str, str], complaint: str, tmp_path: Path) -> None:
    for name, source in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    complaints = list(rule(Code.read(tmp_path)))
    assert any(line.startswith(complaint) for line in complaints), complaints


def test_every_rule_has_been_seen_red() -> None:
    assert {rule for rule, _, _ in OFFENCES} == set(RULES)


def test_a_file_that_grows_long_is_warned_about_before_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flowvisor").mkdir()
    (tmp_path / "flowvisor" / "cli.py").write_text("x = 1\n" * 401)
    with pytest.warns(UserWarning, match=r"flowvisor/cli\.py: 401 lines"):
        assert list(every_file_is_short(Code.read(tmp_path))) == []
