"""Whether all is as the admin's files want it, for a probe and for people."""

from __future__ import annotations

import json

from twisted.web.http import OK, SERVICE_UNAVAILABLE

from flowvisor.admin.page import JSON, Page
from flowvisor.admin.rest.shapes import Health, Listener
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.line import Line
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.provisioning import faults_of


def health_page(hypervisor: Hypervisor, connections: Connections) -> Page:
    """200 if all is well, 503 with the reasons if not, as JSON."""
    health = health_of(hypervisor, connections)
    status = SERVICE_UNAVAILABLE if health["reasons"] else OK
    return Page(json.dumps(health, indent=2) + "\n", status, JSON)


def health_of(hypervisor: Hypervisor, connections: Connections) -> Health:
    """Whether all is well.

    A controller that is away is told, but is no reason: it is its tenant's, who must not be able to make the
    hypervisor look ill. Where controllers are to call us is ours: a port that cannot be listened on is a reason.
    """
    configuration = hypervisor.configuration
    ready = {dpid for dpid, datapath in hypervisor.datapaths.items() if datapath.is_ready}
    failures = sum(datapath.own_failures for datapath in hypervisor.datapaths.values())
    lines = [line for lines in connections.lines.values() for line in lines]
    named = configuration.settings.datapaths
    reasons = [f"{name} is not connected" for name, dpid in named.items() if dpid not in hypervisor.datapaths]
    reasons += [
        f"{configuration.datapath_name(dpid)} is not set up yet"
        for dpid in hypervisor.datapaths.keys() - ready
    ]
    listeners = [line for line in lines if line.method.is_passive]
    reasons += [
        f"slice {line.switch.slice_name} cannot listen on {line.controller} for "
        f"{configuration.datapath_name(line.switch.dpid)}"
        for line in listeners
        if not line.is_listening
    ]
    reasons += [
        f"{configuration.datapath_name(dpid)}: {fault}"
        for dpid in ready
        for fault in faults_of(hypervisor.datapaths[dpid])
    ]
    if failures:
        reasons.append(f"datapaths refused {failures} of the hypervisor's own entries")
    return {
        "status": "degraded" if reasons else "ok",
        "reasons": sorted(reasons),
        "datapaths": {"ready": len(ready), "connected": len(hypervisor.datapaths), "named": len(named)},
        "links": len(hypervisor.fabric.topology),
        "controllers": {
            "connected": sum(line.is_established for line in lines),
            "wanted": len(lines) - len(listeners),
        },
        "listeners": [_listener(line, configuration) for line in listeners],
        "own_entries_failed": failures,
    }


def _listener(line: Line, configuration: Configuration) -> Listener:
    """Where a slice's controllers call, with the port that the system has chosen if it was to choose."""
    return {
        "slice": line.switch.slice_name,
        "switch": configuration.datapath_name(line.switch.dpid),
        "method": line.controller,
        "port": line.port,
        "listening": line.is_listening,
    }
