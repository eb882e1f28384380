"""Programs of others that tests ask for a second opinion."""

import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """The path of a program; where it is missing the test is skipped, but on CI it fails."""
    # Debian puts daemons where only root's PATH looks.
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"{name} is not installed")
    return path
