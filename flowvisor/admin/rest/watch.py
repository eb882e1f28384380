"""What becomes an event: what the connections tell, and once a second what the counters say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from flowvisor.admin.rest.instance import Instance
from flowvisor.connections.controller_protocol import ControllerProtocol
from flowvisor.connections.datapath_protocol import DatapathProtocol
from flowvisor.connections.peer_protocol import PeerProtocol
from flowvisor.connections.reloading import Outcome
from flowvisor.hypervisor.effects import CloseChannels, Command, Notice, OpenChannels, VirtualSwitchName
from flowvisor.network.dpid import format_dpid

# Notices of the core that are events; the others are for the log only.
NOTICES: Final = ("link_found", "link_lost")
# Reasons of refusals and of what is shed that say that a limit was met.
LIMITS: Final = ("quota", "rate-limited")


class Watch:
    """Looks at one instance, and adds to its events."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._events = instance.events
        self._counted: dict[str, Counter[tuple[str, str]]] = {}  # by slice: event and reason
        self._outcome: Outcome | None = None
        instance.connections.observers.append(self)

    # What the connections tell.

    def established(self, protocol: PeerProtocol) -> None:
        """A channel is up."""
        self._of_peer(protocol, "up", {})

    def gone(self, protocol: PeerProtocol) -> None:
        """A channel that was up is gone."""
        self._of_peer(protocol, "down", {"reason": protocol.hang_up_reason})

    def _of_peer(self, protocol: PeerProtocol, way: str, details: Mapping[str, Any]) -> None:
        if isinstance(protocol, DatapathProtocol):
            told = {
                "datapath": self._name(protocol.datapath.dpid),
                "dpid": format_dpid(protocol.datapath.dpid),
            }
            self._events.add(f"datapath_{way}", None, **told, **details)
        elif isinstance(protocol, ControllerProtocol):
            told = {**self._switch(protocol.switch), "controller": protocol.controller}
            self._events.add(f"controller_{way}", protocol.switch.slice_name, **told, **details)

    def carried_out(self, command: Command) -> None:
        """The core wanted something done."""
        if isinstance(command, OpenChannels):
            self._events.add("switch_up", command.switch.slice_name, **self._switch(command.switch))
        elif isinstance(command, CloseChannels):
            told = self._switch(command.switch)
            self._events.add("switch_down", command.switch.slice_name, **told, reason=command.reason)
        elif isinstance(command, Notice) and command.event in NOTICES:
            self._events.add(command.event, None, **command.fields)

    def _switch(self, name: VirtualSwitchName) -> dict[str, str]:
        switch = self._instance.switch_name(name.slice_name, name.dpid)
        return {"switch": switch, "dpid": format_dpid(name.dpid)}

    def _name(self, dpid: int) -> str:
        return self._instance.configuration.datapath_name(dpid)

    # What is found by looking.

    def tick(self) -> None:
        """About a second has passed: what is counted for each message is told together."""
        self._look_at_reloads()
        tenants = self._instance.hypervisor.tenants
        self._events.forget_slices_but(tenants)
        counted = {name: self._count(name) for name in tenants}
        for name, now in counted.items():
            before = self._counted.get(name, Counter())
            for (event, reason), count in sorted((now - before).items()):
                self._events.add(event, name, reason=reason, count=count)
        self._counted = counted

    def _count(self, name: str) -> Counter[tuple[str, str]]:
        tenant, found = self._instance.hypervisor.tenants[name], Counter[tuple[str, str]]()
        for counters in tenant.counters.values():
            for (_kind, reason), count in counters.refused.items():
                found["limit_reached" if reason in LIMITS else "refused", reason] += count
        if tenant.limits is not None:
            for (limit, action), count in tenant.limits.counts.items():
                if action != "refused":  # those are among the refusals
                    found["limit_reached", f"{limit} {action}"] += count
        return found

    def _look_at_reloads(self) -> None:
        outcome = self._instance.reloading.last
        if outcome is None or outcome is self._outcome:
            return
        self._outcome = outcome
        event = "reloaded" if outcome.is_success else "reload_failed"
        told = {} if outcome.is_success else {"error": outcome.error[:1000]}
        self._events.add(event, None, trigger=outcome.trigger, revision=outcome.revision, **told)
