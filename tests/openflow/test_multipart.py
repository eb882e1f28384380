"""Multipart messages as values."""

import pytest

from flowvisor.openflow import multipart as mp
from tests.support.message_strategies import MESSAGES_13

BASES = (mp.MultipartRequest, mp.MultipartReply)
CLASSES = [
    cls for cls in vars(mp).values() if isinstance(cls, type) and issubclass(cls, BASES) and cls not in BASES
]


def test_every_multipart_has_a_form_in_1_3() -> None:
    assert set(CLASSES) == {cls for cls in MESSAGES_13 if issubclass(cls, BASES)}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_request_and_its_reply_have_one_name(cls: type) -> None:
    name = cls.__name__
    other = name.replace("Request", "Reply") if name.endswith("Request") else name.replace("Reply", "Request")
    assert hasattr(mp, other)


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if "Experimenter" not in cls.__name__], ids=lambda cls: cls.__name__
)
def test_a_multipart_that_says_nothing_asks_for_all_or_tells_nothing(cls: type) -> None:
    message = cls()
    assert message.xid == 0
    assert not message.more
