"""What the documentation shows is so: commands exist, transcripts are what is printed, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from flowvisor.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(flowvisor [a-z][^`]*)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Command(NamedTuple):
    """A command that a page shows, and what it says is printed; None if it says nothing of that."""

    page: str
    text: str
    printed: str | None = None


def shown() -> Iterator[Command]:
    """Every command of flowvisor's own."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for language, block in _FENCED.findall(text):
            if language not in ("", "sh", "console"):
                continue
            yield from _of_block(page.name, block)
        for command in _INLINE.findall(_FENCED.sub("", text)):
            yield Command(page.name, command)


def _of_block(page: str, block: str) -> Iterator[Command]:
    lines = block.replace("\\\n", " ").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("flowvisor "):
            yield Command(page, line)
        elif line.startswith("$ flowvisor "):
            printed = []
            for below in lines[number + 1 :]:
                if below.startswith("$ "):
                    break
                printed.append(below)
            yield Command(page, line.removeprefix("$ "), "\n".join(printed) + "\n")


SHOWN = list(shown())
TRANSCRIPTS = [command for command in SHOWN if command.printed]


def words_of(command: Command) -> list[str]:
    """The words of a command, without what brackets mark as left to choice and without comments."""
    return shlex.split(re.sub(r"[\[\]]", " ", command.text).partition(" > ")[0], comments=True)[1:]


def found(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, however deep, and the rest of them."""
    here: click.Command = main
    while isinstance(here, click.Group) and words:
        below = here.get_command(click.Context(here), words[0])
        assert below is not None, f"there is no command {words[0]}"
        here, words = below, words[1:]
    return here, words


@pytest.mark.parametrize("command", SHOWN, ids=lambda one: f"{one.page}: {one.text[:50]}")
def test_a_command_exists_with_its_options(command: Command) -> None:
    here, words = found(words_of(command))
    known = {name for option in here.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


def test_there_are_commands_and_transcripts_to_look_at() -> None:
    assert len(SHOWN) > 10
    assert {"plan", "explain"} <= {words_of(one)[0] for one in TRANSCRIPTS}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ships; the same as it is installed; and a copy `new/` where research has port 7 of leaf-1 instead of 3."""
    for name in ("deploy", "slices", "policies"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for folder in (tmp_path / "installed", tmp_path / "new"):
        for name in ("slices", "policies"):
            shutil.copytree(ROOT / name, folder / name)
        main_file = (ROOT / "deploy/flowvisor.yaml").read_text()
        (folder / "flowvisor.yaml").write_text(main_file.replace(": ../", ": "))
    research = tmp_path / "new/slices/research.yaml"
    old = "  - {datapaths: [leaf-1, leaf-2], priority: 100, match: {in_port: [1, 3]}}\n"
    new = "".join(
        f"  - {{datapaths: [{leaf}], priority: 100, match: {{in_port: [1, {port}]}}}}\n"
        for leaf, port in (("leaf-1", 7), ("leaf-2", 3))
    )
    assert old in research.read_text()
    research.write_text(research.read_text().replace(old, new))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", TRANSCRIPTS, ids=lambda one: one.text[:50])
def test_a_transcript_is_what_is_printed(command: Command, files: Path) -> None:
    words = [word.replace("/etc/flowvisor", "installed") for word in words_of(command)]
    done = CliRunner().invoke(main, words)
    assert done.output == command.printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in {_anchor(heading) for heading in _HEADING.findall(file.read_text("utf-8"))}, (
                target
            )


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_page_is_reached_from_the_readme() -> None:
    named = set(_LINK.findall((ROOT / "README.md").read_text("utf-8")))
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= named


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"^make ([a-z]+)|`make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE):
            assert set(filter(None, target)) <= targets, page.name
