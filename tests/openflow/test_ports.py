"""Port numbers and bits."""

import pytest
from os_ken.ofproto import ofproto_v1_3

from flowvisor.openflow import ports


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("MAX_PORT", "OFPP_MAX"),
        *((name, f"OFPP_{name}") for name in ("IN_PORT", "TABLE", "NORMAL", "FLOOD", "ALL", "CONTROLLER")),
        *((name, f"OFPP_{name}") for name in ("LOCAL", "ANY")),
        *((name, f"OFPPC_{name}") for name in ("PORT_DOWN", "NO_RECV", "NO_FWD", "NO_PACKET_IN")),
        *((name, f"OFPPS_{name}") for name in ("LINK_DOWN", "BLOCKED", "LIVE")),
    ],
)
def test_a_number_is_as_os_ken_has_it(ours: str, theirs: str) -> None:
    assert getattr(ports, ours) == getattr(ofproto_v1_3, theirs)


def test_reserved_ports_are_above_every_real_one() -> None:
    reserved = {ports.IN_PORT, ports.TABLE, ports.NORMAL, ports.FLOOD, ports.ALL, ports.CONTROLLER}
    assert min(reserved | {ports.LOCAL, ports.ANY}) > ports.MAX_PORT


def test_a_port_is_compared_by_all_that_it_says() -> None:
    assert ports.Port(1, name="a") == ports.Port(1, bytes(6), "a")
    assert ports.Port(1) != ports.Port(1, state=ports.LIVE)
