"""Labels: what packets of virtual networks carry while they cross the core, and how it is put on and taken off."""

from __future__ import annotations

from typing import Final, NamedTuple

from flowvisor.openflow.actions import Actions, Output, PopVlan, PushVlan, SetField
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, FIELDS, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import IN_PORT
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment

_ALL_ONES: Final = {name: FIELDS[name].all_ones for name in ("in_port", "tunnel_id", "vlan_vid")}


class Label(NamedTuple):
    """A service tag's id, or a tunnel's key."""

    value: int
    is_key: bool = False

    def arrival(self, in_port: int) -> Match:
        """The packets that come in with it at a port."""
        name, value = ("tunnel_id", self.value) if self.is_key else ("vlan_vid", VLAN_PRESENT | self.value)
        return Match({"in_port": (in_port, _ALL_ONES["in_port"]), name: (value, _ALL_ONES[name])})

    def sent(self, out_port: int) -> Actions:
        """Put it on, and send the packet on its way."""
        if self.is_key:
            return (SetField("tunnel_id", self.value), Output(out_port))
        return (
            PushVlan(ETH_TYPE_SERVICE_VLAN),
            SetField("vlan_vid", VLAN_PRESENT | self.value),
            Output(out_port),
        )

    def passed_on(self, out_port: int) -> Actions:
        """Send a packet further that has it, if it did not come in there."""
        output = Output(out_port)
        return (SetField("tunnel_id", self.value), output) if self.is_key else (output,)

    def passed_back(self) -> Actions:
        """Send it back where it came in, as OpenFlow does only if told so."""
        return self.passed_on(IN_PORT)

    def taken_off(self) -> Actions:
        """Leave nothing of it that whoever gets the packet could see."""
        return (SetField("tunnel_id", 0),) if self.is_key else (PopVlan(),)


def delivered(place: Attachment) -> Actions:
    """Send a packet out at a place.

    Where untagged packets belong to one and tagged ones to another, none may leave with a tag that its sender gave it:
    the two tags that a datapath can be expected to look at are taken off, which leaves a packet without any as it is.
    Only groups can say so: entries may take off only what their match says is there.
    """
    output = Output(place.end.port)
    if place.vlan is None:
        return (output,)
    if place.vlan == UNTAGGED:
        return (PopVlan(), PopVlan(), output)
    return (PushVlan(ETH_TYPE_VLAN), SetField("vlan_vid", VLAN_PRESENT | place.vlan), output)
