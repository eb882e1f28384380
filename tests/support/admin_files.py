"""The admin's files, as texts, for tests."""

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration

MAIN = TextFile(
    "flowvisor.yaml",
    """listen: [ptcp:6653:127.0.0.1]
datapaths:
  leaf-1: {dpid: "0000000000000001"}
  leaf-2: {dpid: "0000000000000002"}
  spine-1: {dpid: "0000000000000003"}
""",
)
QUOTA = TextFile("policies/small.yaml", "kind: quota\nname: small\ngroups: 16\n")
RATE_LIMIT = TextFile("policies/steady.yaml", "kind: rate-limit\nname: steady\npacket_in: 500/s\n")


def slice_file(name: str, *rules: str, more: str = "") -> TextFile:
    """A slice with these rules, the first of which stands in line 5 (after the lines of `more`)."""
    head = f"kind: flowspace\nname: {name}\ncontrollers: [tcp:127.0.0.1:6801]\n{more}flowspace:\n"
    return TextFile(f"slices/{name}.yaml", head + "".join(f"  - {rule}\n" for rule in rules))


def rule(match: str, priority: int = 100, datapaths: str = "all") -> str:
    """A rule in one line."""
    return f"{{datapaths: {datapaths}, priority: {priority}, match: {{{match}}}}}"


def configuration_of(*slices: TextFile) -> Configuration:
    """The configuration of these slices."""
    return read_configuration(MAIN, slices, [QUOTA, RATE_LIMIT])
