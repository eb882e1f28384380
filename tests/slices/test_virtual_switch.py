"""Virtual switches: how attachments read, and where links lead."""

from __future__ import annotations

from flowvisor.errors import Place
from flowvisor.network.topology import End
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment, LinkEnd, VirtualLink


def test_an_attachment_reads_as_the_admin_writes_it() -> None:
    end = End(1, 8)
    assert str(Attachment(end)) == "0000000000000001/8"
    assert str(Attachment(end, 20)) == "0000000000000001/8@20"
    assert str(Attachment(end, UNTAGGED)) == "0000000000000001/8@none"


def test_a_link_leads_from_either_end_to_the_other() -> None:
    one, other = LinkEnd("big", 10), LinkEnd("lab", 1)
    link = VirtualLink("uplink", (one, other), Place("slices/blue.yaml", 9, 1))
    assert link.other(one) == other
    assert link.other(other) == one
