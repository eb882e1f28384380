"""The configuration: everything that the admin wrote, at one moment."""

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.network.connection_method import parse_connection_method


def test_a_datapath_is_called_by_its_name_or_else_by_its_dpid() -> None:
    settings = Settings(
        listen=(parse_connection_method("ptcp:"),),
        admin=parse_connection_method("ptcp:8080"),
        state="state",
        slices="slices",
        policies="policies",
        datapaths={"leaf-1": 1, "leaf-2": 2},
        admission="open",
    )
    configuration = Configuration(settings=settings, slices=(), policies={})
    assert configuration.datapath_name(2) == "leaf-2"
    assert configuration.datapath_name(0xAB) == "00000000000000ab"
