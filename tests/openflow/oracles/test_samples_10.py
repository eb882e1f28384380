"""The frames that os-ken brings along, of OpenFlow 1.0 as others wrote it."""

from pathlib import Path

import os_ken
import pytest

from flowvisor.openflow import v10

FOLDER = Path(os_ken.__file__).parent / "tests" / "packet_data" / "of10"
SAMPLES = {path.name: path for path in sorted(FOLDER.iterdir())} if FOLDER.is_dir() else {}

# Written otherwise than they came, which means the same: (offset, as it came, as we write it).
REWORDED = {
    # 63 bits of nw_src and nw_dst are wildcarded, of 32.
    "1-2-ofp_flow_mod.packet": (8, "003ffff7", "003820f7"),
    # A port's state has bit 1, which 1.0 does not define (and 1.3 calls BLOCKED).
    "1-6-ofp_switch_features.packet": (108, "00000002", "00000000"),
}


def test_the_samples_are_there() -> None:
    if not SAMPLES:
        pytest.skip("this os-ken came without its samples")
    assert SAMPLES.keys() >= REWORDED.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_written_as_it_was(name: str) -> None:
    frame = SAMPLES[name].read_bytes()
    message = v10.decode(frame)
    written = v10.encode(message)
    assert v10.decode(written) == message
    if name in REWORDED:
        offset, before, after = REWORDED[name]
        assert frame[offset : offset + 4] == bytes.fromhex(before)
        frame = frame[:offset] + bytes.fromhex(after) + frame[offset + 4 :]
    assert written == frame
