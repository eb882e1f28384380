"""Rows of the tables of messages."""

from flowvisor.openflow.error_codes import BAD_LEN, BAD_ROLE
from flowvisor.openflow.messages import RoleReply
from flowvisor.openflow.multipart import PortDescReply
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.v13_form import fixed, listing, refuse_unless
from tests.support.refusals import refusal


def test_a_fixed_form_reads_one_structure_and_leaves_the_rest() -> None:
    form = fixed(25, RoleReply, "I4xQ", "role", "generation_id")
    reader = Reader(bytes(15) + b"\5" + b"more")
    assert form.read(reader, xid=1) == RoleReply(xid=1, role=0, generation_id=5)
    assert reader.rest() == b"more"


def test_a_listing_reads_entries_until_none_is_left() -> None:
    form = listing(13, PortDescReply, "ports", Reader.u16, lambda number: bytes((0, number)))
    reply = form.read(Reader(bytes.fromhex("0001 0002")), xid=1, more=True)
    assert reply == PortDescReply(xid=1, more=True, ports=(1, 2))  # type: ignore[arg-type]
    assert form.write(reply) == bytes.fromhex("0001 0002")
    assert form.read(Reader(b"")) == PortDescReply()
    assert refusal(lambda: form.read(Reader(b"abc"))) == BAD_LEN


def test_what_is_legal_is_not_refused() -> None:
    refuse_unless(True, BAD_ROLE, "role 3")
    assert refusal(lambda: refuse_unless(False, BAD_ROLE, "role 4")) == BAD_ROLE
