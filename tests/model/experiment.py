"""A network with its slices' controllers, and beside it what each slice should see; every step is looked at."""

from __future__ import annotations

from math import ceil

from tests.model.reloading import Reloading
from tests.model.topologies import Topology
from tests.support.world import LOOK_SECONDS, Controller


class Experiment(Reloading):
    """Every method is one step, and ends with a look at everything."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self._links = self.world.known_links()
        for share in self.shares:
            self.join(share)
        self.look()

    # ------------------------------------------------------------------------------ who comes and goes

    def leave(self, controller: Controller) -> None:
        self.share_of(controller).controllers.remove(controller)
        controller.leave()
        self.look()

    def lose(self, dpid: int) -> None:
        """A datapath's connection breaks, and with it those of all controllers there."""
        self.world.leave(dpid)
        for controller in [each for each in self.world.controllers if each.switch.datapath.dpid == dpid]:
            del self.world.controllers[controller]
        for share in self.shares_at(dpid):
            share.controllers.clear()
        self.links_change(0.0)

    def regain(self, dpid: int) -> None:
        """It is connected again, and so are controllers."""
        self.world.join(self.world.emulated[dpid])
        self._come_back(dpid)
        self.links_change(0.3)

    def restart(self) -> None:
        """The hypervisor is started anew; all datapaths come back to it."""
        self.world.restart()
        for share in self.shares:
            share.controllers.clear()
        for dpid in self.topology.kinds:
            self._come_back(dpid)
        self.links_change(0.0)

    def _come_back(self, dpid: int) -> None:
        self.outdated.discard(dpid)
        self.forget_what_was_away(dpid)
        for share in self.shares_at(dpid):
            emulated = self.world.emulated[dpid]
            if not self.topology.kinds[dpid].has_blocks and not any(
                emulated.owner_of(entry) == share.slice_name for entry in emulated.pipeline.tables[0]
            ):
                share.reference.forget_entries()  # without a journal nothing says whose they are: they are removed
            self.join(share)

    def links_change(self, seconds: float) -> None:
        """The hypervisor looks for links so long, and at what depends on those that it did not know any more."""
        before = self._links
        self.world.look_for_links(seconds + LOOK_SECONDS)
        self.world.now = float(ceil(self.world.now))  # what is left of a timeout is said in whole seconds
        self._links = self.world.known_links()
        changed = {near[0] for near, _ in before ^ self._links}
        for share in self.shares:
            share.may_lose |= share.may_write and share.dpid in changed
        self.settle()

    # --------------------------------------------------------------------------------- what the world does

    def packet(self, dpid: int, port: int, packet: bytes) -> None:
        """A host sends a packet."""
        self.world.packet(dpid, port, packet)
        self.look()

    def port_comes(self, dpid: int, number: int) -> None:
        emulated = self.world.emulated[dpid]
        self.world.change(dpid, emulated.add_port(number, self.world.now))
        for share in self.shares_at(dpid):
            if number in share.owned:
                share.reference.put_port(emulated.pipeline.ports[number], self.world.now)
        self.links_change(0.3)

    def port_goes(self, dpid: int, number: int) -> None:
        self.world.change(dpid, self.world.emulated[dpid].remove_port(number))
        for share in self.shares_at(dpid):
            if number in share.owned:
                share.reference.take_port(number)
        self.links_change(0.0)

    def link_changes(self, dpid: int, number: int, *, is_up: bool) -> None:
        self.world.change(dpid, self.world.emulated[dpid].set_link(number, is_up=is_up))
        for share in self.shares_at(dpid):
            if number in share.owned:
                share.reference.datapath.set_link(number, is_up=is_up)
        self.links_change(0.3 if is_up else 0.0)

    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        for share in self.shares:
            share.reference.tick(self.world.now)
        self.look()
