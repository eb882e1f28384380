"""What the system tests need from the machine besides programs."""

import os

import pytest

# Debian keeps daemons and `ip` where a plain user's PATH does not look.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def leave_out(reason: str) -> None:
    """Skip the test; under CI=true nothing may be left out, so there it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {reason}", pytrace=False)
    pytest.skip(reason)


def require_root() -> None:
    """Network namespaces need it."""
    if os.geteuid() != 0:
        leave_out("network namespaces are root's to make")
