"""Routing: routes that a change of links did not concern are the same objects as before."""

from __future__ import annotations

from flowvisor.network.topology import End, Topology
from flowvisor.planning.labels import Label
from flowvisor.planning.routing import Routing
from flowvisor.planning.underlay import KnownDatapath, Underlay
from flowvisor.slices.slice import PortName

PORT, OTHER = PortName("blue/big", 1), PortName("blue/big", 2)


def underlay(*cables: tuple[int, int]) -> Underlay:
    datapaths = [KnownDatapath(dpid, 4, 254, dict.fromkeys(range(1, 9), True)) for dpid in (1, 2, 3)]
    return Underlay.of(datapaths, Topology((End(a, b), End(b, a)) for a, b in cables))


def test_a_route_is_found_anew_only_if_a_link_of_its_is_gone_or_a_new_one_has_come() -> None:
    routing = Routing({PORT: 2048, OTHER: 2049})
    routing.put_links(underlay((1, 2), (1, 3), (2, 3)))
    near = routing.to_port(PORT, (2,), 1, in_tunnels=False)
    far = routing.to_port(OTHER, (3,), 1, in_tunnels=False)
    assert near is not None
    assert far is not None
    assert near.label == Label(2048)
    routing.put_links(underlay((1, 2), (2, 3)))
    kept = routing.to_port(PORT, (2,), 1, in_tunnels=False)
    led_on = routing.to_port(OTHER, (3,), 1, in_tunnels=False)
    assert kept is not None
    assert kept.route is near.route
    assert led_on is not None
    assert led_on.route.exits == {3: 2}
    routing.put_links(underlay((1, 2), (1, 3), (2, 3)))
    back = routing.to_port(OTHER, (3,), 1, in_tunnels=False)
    assert back is not None
    assert back.route.exits == {3: 1}


def test_a_port_without_a_label_is_not_led_to() -> None:
    routing = Routing({})
    routing.put_links(underlay((1, 2)))
    assert routing.to_port(PORT, (2,), 1, in_tunnels=False) is None


def test_a_link_is_led_to_the_datapath_that_most_reach_and_that_is_nearest() -> None:
    routing = Routing({})
    routing.put_links(underlay((1, 2), (2, 3)))
    assert routing.anchor((1, 3), (1, 2, 3), in_tunnels=False) == 2
    assert routing.anchor((1,), (2, 3), in_tunnels=False) == 2
    routing.put_links(underlay((1, 3)))
    assert routing.anchor((1,), (2, 3), in_tunnels=False) == 3
    assert routing.anchor((1,), (2, 3), in_tunnels=True) == 2  # none is reached
