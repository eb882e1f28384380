"""What has to outlive the process: the slices' allocations, in one file that is never half written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from flowvisor.planning.allocation import Allocations

FILE: Final = "allocations.json"


class StateFolder:
    """The folder where the service keeps its state; made when it is not there. What fails raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE

    def read(self) -> Allocations:
        """What was written last, or nothing allocated. Raises ValueError if the file is not what we wrote."""
        try:
            return Allocations.from_text(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return Allocations()

    def write(self, allocations: Allocations) -> None:
        """Replace the file in one step: whoever reads it, even after a power cut, reads all of one version."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(allocations.to_text() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
