"""The admin's files as the API reads them: one slice or policy, and a tag that changes when it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from attrs import frozen

from flowvisor.configuration.documents import (
    ListNode,
    MappingNode,
    Node,
    Scalar,
    TextFile,
    parse_document,
)
from flowvisor.configuration.snapshot import Settings
from flowvisor.errors import ConfigurationError

Folder = Literal["slices", "policies"]

_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,14}")


@frozen
class WrittenFile:
    """A file as it is now."""

    path: Path
    contents: bytes

    @property
    def etag(self) -> str:
        """The entity tag of RFC 9110, section 8.8.3."""
        return f'"{sha256(self.contents).hexdigest()[:32]}"'

    @property
    def document(self) -> dict[str, Any] | None:
        """What it holds, as JSON; None if it is not YAML."""
        try:
            node = parse_document(TextFile(str(self.path), self.contents.decode("utf-8", "surrogateescape")))
        except ConfigurationError:
            return None
        found: dict[str, Any] = plain(node)
        return found


def path_of(settings: Settings, folder: Folder, name: str) -> Path:
    """Where the file of a slice or a policy is."""
    return Path(getattr(settings, folder), f"{name}.yaml")


def read_file(path: Path) -> WrittenFile | None:
    """The file, if it is there and can be read."""
    try:
        return WrittenFile(path, path.read_bytes())
    except OSError:
        return None


def plain(node: Node) -> Any:
    """What a node says as JSON says it: what looks like a number is one, all else is text, as the keys want it."""
    if isinstance(node, Scalar):
        if node.is_missing:
            return None
        return int(node.text) if not node.is_quoted and _NUMBER.fullmatch(node.text) else node.text
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, MappingNode)
    found: Mapping[str, Any] = {key.text: plain(value) for key, value in node.entries}
    return found
