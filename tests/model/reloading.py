"""What must come of other files: channels of those who go on stay, what a slice may not have any more is gone."""

from __future__ import annotations

from attrs import evolve

from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Output
from flowvisor.openflow.ports import MAX_PORT
from flowvisor.openflow.versions import codec
from tests.model.network import Share
from tests.model.oracle import Violation
from tests.model.sending import Sending
from tests.model.topologies import Topology

MAX_SENT_AGAIN = 6  # entries of one share

Place = tuple[str, int]  # slice, dpid


class Reloading(Sending):
    """`_away` is what slices had at datapaths that were away when they lost their share of them: it may come back
    with the share, as long as the datapath is away and the slice goes on.
    """

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self._away: dict[Place, Share] = {}

    def reload(self, topology: Topology) -> None:
        """Other files count from now on."""
        before = {(share.slice_name, share.dpid): share for share in self.shares}
        wrote = {one.name for one in self.topology.slices if one.may_write}
        writes = {place: self.writes(*place) for place in before}
        self.topology = topology
        connected = {dpid for dpid in topology.kinds if self.world.is_connected(dpid)}
        self.outdated |= topology.kinds.keys() - connected
        self.world.reload(topology.configuration(self.world.hypervisor.configuration))
        self.oracle = self._oracle()
        go_on = {one.name for one in topology.slices if one.may_write and one.name in wrote}
        self._away = {place: share for place, share in self._away.items() if place[0] in go_on}
        self.shares = []
        for place in self._places():
            share = before.get(place)
            goes_on = share is not None and (place[1] in connected or place[0] in go_on)
            if goes_on and self.writes(*place) == writes[place]:
                self.shares.append(before.pop(place))
                continue
            fresh = self._away.pop(place, None) or self._share(*place)
            if share is not None:  # what it has made of its ports is the slice's as long as it lives
                fresh.reference.take_over_configs(share.reference, self.world.now)
            self.shares.append(fresh)
        for place, share in before.items():
            self._is_closed(share)
            if place[1] not in connected and place[0] in go_on and writes[place]:
                self._away[place] = share
        for share in self.shares:
            self._give_ports(share)
            share.may_lose = share.may_write
            share.was_outdated |= share.dpid not in connected
            self._is_open(share)
            if not share.controllers and share.dpid in connected:
                self.join(share)
        self.settle()

    def forget_what_was_away(self, dpid: int) -> None:
        """A datapath is back, and has nothing any more of those who have no share of it."""
        self._away = {place: share for place, share in self._away.items() if place[1] != dpid}

    def _give_ports(self, share: Share) -> None:
        """What a slice has now of a datapath's ports."""
        owned = self._owned(share.slice_name, share.dpid)
        for number in share.reference.ports - owned:
            share.reference.take_port(number)
        for number, port in self.world.emulated[share.dpid].pipeline.ports.items():
            if number in owned - share.reference.ports:
                share.reference.put_port(port, self.world.now)
        visible = self.visible(share.slice_name, share.dpid, owned)
        fresh = self._share(share.slice_name, share.dpid).names
        share.owned, share.names = owned, evolve(fresh, lost=share.names.ports - visible)

    def _is_closed(self, share: Share) -> None:
        for controller in share.controllers:
            if not controller.channel.has_left:
                raise Violation(f"I3: {share.slice_name} has no share of {share.dpid}, and a channel")
            del self.world.controllers[controller.channel]

    def _is_open(self, share: Share) -> None:
        if any(controller.channel.has_left for controller in share.controllers):
            raise Violation(f"I4: {share.slice_name} goes on at {share.dpid}, and its channel was closed")

    def settle(self) -> None:
        """See what slices have lost; nothing is gone that may be there, and nothing is there that may not."""
        looked_at = [
            (share, self.let_go(share)) for share in self.shares if share.may_lose and share.controllers
        ]
        self.look()
        for share, lost in looked_at:
            for entry in lost:
                if not self._is_refused(share, entry):
                    raise Violation(f"I3: {share.slice_name} lost at {share.dpid} what it may have: {entry}")
            for entry in share.reference.additions(self.world.now)[:MAX_SENT_AGAIN]:
                if self._names_what_is_there(share, entry) and self._is_refused(share, entry):
                    raise Violation(
                        f"I2: {share.slice_name} has at {share.dpid} what it may not have: {entry}"
                    )

    def _is_refused(self, share: Share, entry: m.FlowMod) -> bool:
        """Whether a slice may not add an entry, as it is."""
        frame = codec(share.reference.version).encode(entry)
        return any(isinstance(one, m.Error) for one in self.send(share.controllers[0], [frame]))

    def _names_what_is_there(self, share: Share, entry: m.FlowMod) -> bool:
        """Whether all ports are there that an entry sends packets to: they may have gone after it came."""
        outputs = [one for each in entry.instructions for one in getattr(each, "actions", ())]
        ports = {one.port for one in outputs if isinstance(one, Output)}
        return all(port in share.reference.ports for port in ports if port <= MAX_PORT)
