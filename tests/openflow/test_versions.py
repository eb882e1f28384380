"""Finding a codec by its wire version."""

import pytest

from flowvisor.openflow import v10, v13
from flowvisor.openflow.error_codes import BAD_VERSION
from flowvisor.openflow.messages import BarrierRequest
from flowvisor.openflow.versions import CODECS, SUPPORTED, codec
from tests.support.refusals import refusal


def test_openflow_1_0_and_1_3_are_spoken() -> None:
    assert {1, 4} == SUPPORTED
    assert codec(1) is v10
    assert codec(4) is v13


@pytest.mark.parametrize("version", CODECS)
def test_every_codec_speaks_its_version(version: int) -> None:
    speaking = codec(version)
    assert version == speaking.VERSION
    frame = speaking.encode(BarrierRequest(xid=9))
    assert frame[0] == version
    assert speaking.decode(frame) == BarrierRequest(xid=9)


@pytest.mark.parametrize("version", [0, 2, 3, 5, 6, 255])
def test_another_version_is_refused(version: int) -> None:
    assert refusal(lambda: codec(version)) == BAD_VERSION
