"""Random tenants, hosts and accidents on a random network; after each step the five invariants are looked at."""

from __future__ import annotations

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RULE_MARKER, rule

from tests.model.changes import changed
from tests.model.tenants import Tenants
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import LATER_PORTS, PORTS, packets_like, rule_matches

# What the first datapaths are; one more may come to them.
NETWORKS: dict[str, tuple[Kind, ...]] = {
    "tables": (ON_TABLES, ON_TABLES),
    "1.0": (ON_10, ON_10),
    "few-tables": (ON_FEW_TABLES, ON_TABLES),
    "mixed": (ON_TABLES, ON_10, ON_FEW_TABLES),
}
MAX_CONTROLLERS = 3  # of one virtual switch


class Reloads(Tenants):
    """The files change while tenants and hosts do what they do."""

    @rule(data=st.data())
    def the_files_change(self, data: st.DataObject) -> None:
        self.tenants_change_their_entries(data)
        for _ in range(data.draw(st.integers(1, 2))):
            topology = data.draw(changed(self.experiment.topology), label="files")
            had = [match for one in self.experiment.topology.slices for match in rule_matches(one)]
            has = [match for one in topology.slices for match in rule_matches(one)]
            self.experiment.reload(topology)
            for match in [one for one in had if one not in has][:2] + has[-2:]:
                dpid = data.draw(st.sampled_from(sorted(topology.kinds)))
                self.experiment.packet(dpid, *data.draw(packets_like(match)))
            for share in self.experiment.shares:
                for entry in list(share.reference.datapath.pipeline.tables[0])[:3]:
                    self.experiment.packet(share.dpid, *data.draw(packets_like(entry.match)))


class Machine(Reloads):
    """What happens to a network while tenants and hosts do what they do."""

    @rule(data=st.data())
    def there_is_an_accident(self, data: st.DataObject) -> None:
        dpid = data.draw(st.sampled_from(sorted(self.experiment.topology.kinds)))
        number = data.draw(st.sampled_from((*PORTS, *LATER_PORTS)))
        data.draw(st.sampled_from((self._port, self._link, self._connection, self._controllers)))(
            data, dpid, number
        )

    def _port(self, _data: st.DataObject, dpid: int, number: int) -> None:
        note(f"port {number} of {dpid} comes or goes")
        if number in self.experiment.world.emulated[dpid].pipeline.ports:
            self.experiment.port_goes(dpid, number)
        else:
            self.experiment.port_comes(dpid, number)

    def _link(self, data: st.DataObject, dpid: int, number: int) -> None:
        note(f"the link of port {number} of {dpid} comes or goes")
        if number in self.experiment.world.emulated[dpid].pipeline.ports:
            self.experiment.link_changes(dpid, number, is_up=data.draw(st.booleans()))

    def _connection(self, _data: st.DataObject, dpid: int, _number: int) -> None:
        note(f"the connection of {dpid} comes or goes")
        if self.experiment.world.is_connected(dpid):
            self.experiment.lose(dpid)
        else:
            self.experiment.regain(dpid)

    def _controllers(self, data: st.DataObject, dpid: int, _number: int) -> None:
        share = data.draw(st.sampled_from(self.experiment.shares_at(dpid) or self.experiment.shares))
        is_full = len(share.controllers) == MAX_CONTROLLERS
        note(f"a controller of {share.slice_name} at {share.dpid} comes or goes")
        if share.controllers and (is_full or data.draw(st.booleans())):
            self.experiment.leave(share.controllers[-1])
        elif self.experiment.world.is_connected(share.dpid):
            self.experiment.join(share)
            self.experiment.look()

    @rule()
    def links_are_looked_for(self) -> None:
        self.experiment.links_change(0.3)

    @rule()
    def the_hypervisor_is_restarted(self) -> None:
        self.experiment.restart()

    @rule(seconds=st.sampled_from((1.0, 4.0, 6.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        self.experiment.time_passes(seconds)


def only(kind: type[Tenants], *rules: str) -> type[Tenants]:
    """The machine with no other rules than these."""
    others = {name for name in dir(kind) if hasattr(getattr(kind, name), RULE_MARKER)} - set(rules)
    return type(kind.__name__, (kind,), dict.fromkeys(others))


def machine_on(network: str, kind: type[Tenants] = Machine) -> type[Tenants]:
    """The machine on one of the networks, or only a part of it."""
    return type(f"{kind.__name__} on {network}", (kind,), {"KINDS": NETWORKS[network]})
