"""Buckets of a virtual network's tenant: what they may send packets to, and which ports they watch.

Strategy: a bucket watches a port of the datapath where the virtual port is one. Anywhere else it watches the group of
the virtual port, which is alive while anything leads there. That it is one or the other reads back without doubt:
where several virtual ports lie on one port, it is their groups.
"""

from __future__ import annotations

from attrs import evolve

from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.virtual_outputs import refused_actions, refused_ends
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import ANY_GROUP, Bucket
from flowvisor.openflow.ports import ANY
from flowvisor.planning.share import Share, port_group, port_of_group


def refused_bucket(share: Share, bucket: Bucket) -> Refusal | None:
    """What of a bucket cannot be said where it is of a share; that its ports are the tenant's is found elsewhere."""
    refusal = refused_actions(share, bucket.actions) or refused_ends(bucket.actions)
    watches_both = bucket.watch_port != ANY and bucket.watch_group != ANY_GROUP
    if refusal is None and watches_both and _alone_at(share, bucket.watch_port) is None:
        return Refusal(codes.GROUP_BAD_WATCH, "unsupported")  # there is one place for a group
    return refusal


def watching_there(share: Share, bucket: Bucket) -> Bucket:
    """The bucket, of which only the port that it watches is the tenant's still, in the datapath's terms."""
    if bucket.watch_port == ANY:
        return bucket
    there = _alone_at(share, bucket.watch_port)
    if there is not None:
        return evolve(bucket, watch_port=there)
    return evolve(bucket, watch_port=ANY, watch_group=port_group(share.block, bucket.watch_port))


def watching_here(share: Share, bucket: Bucket) -> Bucket:
    """The inverse, as far as ports are concerned."""
    port = port_of_group(share.block, bucket.watch_group)
    if port is not None:
        return evolve(bucket, watch_port=port, watch_group=ANY_GROUP)
    if bucket.watch_port == ANY:
        return bucket
    here = (one.number for one in share.ports.values() if one.physical == bucket.watch_port)
    return evolve(bucket, watch_port=next(here, ANY))


def _alone_at(share: Share, number: int) -> int | None:
    """The datapath's port that a virtual port is, if no other is on that."""
    port = share.ports.get(number)
    if port is None or port.physical is None:
        return None
    there = [one for one in share.ports.values() if one.physical == port.physical]
    return port.physical if len(there) == 1 else None
