"""Links: the admin sees all, a tenant those of which both ends are its own."""

from __future__ import annotations

from attrs import evolve

from flowvisor.admin.rest.render_links import links, links_of_slice
from flowvisor.network.topology import End
from tests.support.admin import Desk
from tests.support.world import a_slice, configuration, ports

DECLARED = ((End(1, 1), End(2, 1)), (End(1, 2), End(2, 2)), (End(1, 3), End(2, 9)))


def test_a_slice_sees_only_what_is_inside_it() -> None:
    plain = configuration(a_slice("blue", ports(1, 3)), a_slice("red", ports(2)))
    settings = evolve(plain.settings, datapaths={"leaf-1": 1, "leaf-2": 2}, links=DECLARED)
    desk = Desk(evolve(plain, settings=settings))
    assert list(links_of_slice(desk.instance, "blue")) == []
    desk.shell.datapath(1)
    desk.shell.datapath(2)
    desk.instance.hypervisor.fabric.topology.add(End(2, 3), End(1, 1))
    told = [(one["near"], one["far"], one["source"]) for one in links(desk.instance)]
    assert len(told) == 7
    one, other = ({"switch": f"leaf-{n}", "dpid": f"{n:016x}", "port": 1} for n in (1, 2))
    found = ({**other, "port": 3}, one, "found")
    assert [told[0], told[3]] == [(one, other, "declared"), (other, one, "declared")]
    assert found in told
    inside = [(one["near"], one["far"], one["source"]) for one in links_of_slice(desk.instance, "blue")]
    assert inside == [told[0], told[3], found]
