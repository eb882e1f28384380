"""Links between datapaths, and those of them that are inside a slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.instance import Instance
from flowvisor.network.dpid import format_dpid
from flowvisor.network.topology import End
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import LinkEnd


def links(instance: Instance) -> Iterator[shapes.Link]:
    """All of them."""
    return _links(instance, lambda end: True, instance.configuration.datapath_name)


def links_of_slice(instance: Instance, slice_name: str) -> Iterator[shapes.Link]:
    """Those of which both ends are the slice's ports, as its tenant sees them."""
    policy = instance.hypervisor.tenants[slice_name].policy
    if isinstance(policy, VirtualNetwork):
        return _virtual_links(policy)
    switches = {switch.name.dpid: switch for switch in instance.switches_of(slice_name)}

    def is_inside(end: End) -> bool:
        switch = switches.get(end.dpid)
        return switch is not None and end.port in switch.datapath.ports and switch.view.owns_port(end.port)

    return _links(instance, is_inside, lambda dpid: instance.switch_name(slice_name, dpid))


def _virtual_links(network: VirtualNetwork) -> Iterator[shapes.Link]:
    def end(one: LinkEnd) -> shapes.End:
        dpid = format_dpid(network.logical[one.switch].dpid)
        return {"switch": one.switch, "dpid": dpid, "port": one.port}

    for link in network.links.values():
        for near, far in (link.ends, link.ends[::-1]):
            yield {"near": end(near), "far": end(far), "source": "declared"}


def _links(
    instance: Instance, is_wanted: Callable[[End], bool], name_of: Callable[[int], str]
) -> Iterator[shapes.Link]:
    topology = instance.hypervisor.fabric.topology
    for near, far in sorted(topology.links()):
        if is_wanted(near) and is_wanted(far):
            yield {
                "near": _end(near, name_of),
                "far": _end(far, name_of),
                "source": "declared" if near in topology.declared else "found",
            }


def _end(end: End, name_of: Callable[[int], str]) -> shapes.End:
    return {"switch": name_of(end.dpid), "dpid": format_dpid(end.dpid), "port": end.port}
