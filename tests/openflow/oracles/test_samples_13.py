"""The frames that os-ken brings along, of OpenFlow 1.3 as others wrote it."""

from pathlib import Path

import os_ken
import pytest

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import v13
from tests.support.refusals import refusal

FOLDER = Path(os_ken.__file__).parent / "tests" / "packet_data" / "of13"
SAMPLES = {path.name: path for path in sorted(FOLDER.iterdir())} if FOLDER.is_dir() else {}

REFUSED = {
    "4-2-ofp_flow_mod.packet": ec.ACTION_BAD_SET_TYPE,  # a SET_FIELD of an experimenter's class
    "4-60-ofp_flow_mod.packet": ec.MATCH_BAD_PREREQ,  # every field there is, without prerequisites
    "libofproto-OFP13-flow_mod.truncated64": ec.BAD_LEN,  # truncated
}
# Written with their OXM entries by number: of these an entry with a higher number comes first.
REORDERED = {"4-4-ofp_packet_in.packet", "4-59-ofp_packet_in.packet", "ovs-ofctl-of13-match_conj.packet"}


def test_the_samples_are_there() -> None:
    if not SAMPLES:
        pytest.skip("this os-ken came without its samples")
    assert SAMPLES.keys() >= REFUSED.keys() | REORDERED


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_written_as_it_was_or_refused(name: str) -> None:
    frame = SAMPLES[name].read_bytes()
    if name in REFUSED:
        assert refusal(lambda: v13.decode(frame)) == REFUSED[name]
        return
    message = v13.decode(frame)
    written = v13.encode(message)
    if name in REORDERED:
        assert (sorted(written), v13.decode(written)) == (sorted(frame), message)
    else:
        assert written == frame
