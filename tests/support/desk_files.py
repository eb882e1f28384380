"""Files of an admin, written for a desk that serves what they say."""

from __future__ import annotations

from pathlib import Path

MAIN = """listen: [ptcp:6653]
tokens: tokens.yaml
datapaths: {leaf-1: {dpid: 0x1}}
slices: slices
policies: policies
"""


def slice_text(name: str, port: int, *, more: str = "") -> str:
    """A slice that has one port of the first datapath."""
    rule = f"{{datapaths: [leaf-1], priority: 100, match: {{in_port: {port}}}}}"
    return f"# {name}\nkind: flowspace\nname: {name}\ncontrollers: [tcp:127.0.0.1:6801]\n{more}flowspace: [{rule}]\n"


def write_files(folder: Path) -> Path:
    """Two slices and a policy; the main file."""
    for name in ("slices", "policies"):
        (folder / name).mkdir()
    (folder / "slices" / "blue.yaml").write_text(slice_text("blue", 1, more="policies: [small]\n"))
    (folder / "slices" / "red.yaml").write_text(slice_text("red", 2))
    (folder / "policies" / "small.yaml").write_text("kind: quota\nname: small\ngroups: 4\n")
    main = folder / "flowvisor.yaml"
    main.write_text(MAIN)
    return main
