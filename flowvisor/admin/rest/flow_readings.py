"""Flow entries as datapaths tell them, for those who ask over REST; datapaths are not asked as often as we are."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from attrs import Factory, define
from twisted.internet.defer import Deferred

from flowvisor.admin.rest.problems import Refused
from flowvisor.connections.connections import Connections
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.big.flow_listing import list_entries
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.requests import REQUEST_TIMEOUT_SECONDS
from flowvisor.hypervisor.translation.flow_listing import Making, list_flows
from flowvisor.openflow.multipart import FlowStats

SHARING_SECONDS: Final = 1.0  # for how long what a datapath has told is told again
PATIENCE_SECONDS: Final = REQUEST_TIMEOUT_SECONDS + 2  # the core gives up earlier, unless the datapath leaves
MAX_READINGS: Final = 4  # at once, each of which may hold 32 MiB of replies; one more is refused


@define(eq=False)
class _Reading:
    """What one virtual switch was asked: who waits for it, or what has come."""

    waiting: list[Deferred[Making | None]] = Factory(list)
    made: Making | None = None
    is_over: bool = False


class FlowReadings:
    """Those that are under way, and the last of each virtual switch for a moment."""

    def __init__(self, reactor: Any, connections: Connections) -> None:
        self._reactor = reactor
        self._connections = connections
        self._readings: dict[VirtualSwitch | BigSwitch, _Reading] = {}

    def read(self, switch: VirtualSwitch | BigSwitch) -> Deferred[Iterator[FlowStats]]:
        """The entries, each made when it is asked for; fails with Refused. Raises Refused, if too much is under way."""
        reading = self._readings.get(switch)
        told: Deferred[Any] = Deferred()
        if reading is not None and reading.is_over:
            told.callback(reading.made)
        elif reading is not None:
            reading.waiting.append(told)
        else:
            self._begin(switch, told)
        return told.addCallback(_entries)

    def _begin(self, switch: VirtualSwitch | BigSwitch, told: Deferred[Making | None]) -> None:
        if len(self._readings) >= MAX_READINGS:
            text = "other flow entries are being read; come again in a moment"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, text, headers={"retry-after": "1"})
        reading = self._readings[switch] = _Reading([told])

        def listed(made: Making | None, _effects: Effects) -> None:
            if self._readings.get(switch) is not reading or reading.is_over:
                return
            reading.is_over, reading.made = True, made
            waiting, reading.waiting = reading.waiting, []
            if patience.active():
                patience.cancel()
            self._reactor.callLater(SHARING_SECONDS, self._readings.pop, switch)
            for one in waiting:
                one.callback(made)

        effects = Effects(self._connections.now())
        patience = self._reactor.callLater(PATIENCE_SECONDS, listed, None, effects)
        if isinstance(switch, BigSwitch):
            list_entries(switch, listed, effects)
        else:
            list_flows(switch, listed, effects)
        self._connections.carry_out(effects)


def _entries(made: Making | None) -> Iterator[FlowStats]:
    if made is None:
        raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "the datapath does not answer")
    return made()
