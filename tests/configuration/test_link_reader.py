"""Links as the admin writes them, and everything that can be wrong with them."""

import pytest

from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.link_reader import links
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.schema import Names
from flowvisor.errors import ConfigurationError
from flowvisor.network.topology import End
from tests.support.admin_files import MAIN

NAMES = Names(datapaths={"leaf-1": 1, "spine-1": 3})


def convert(text: str, names: Names = NAMES) -> tuple[tuple[End, End], ...]:
    ((_, value),) = parse_document(TextFile("f", f"k: {text}")).entries
    return links(value, names)


def test_a_link_joins_ports_of_datapaths_by_name_or_dpid() -> None:
    assert convert("[[leaf-1/3, spine-1/1], [0x10/1, 00:00:00:00:00:00:00:01/4]]") == (
        (End(1, 3), End(3, 1)),
        (End(16, 1), End(1, 4)),
    )
    assert convert("[]") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "yes",
            'f:1:4: "yes" where a list of links is expected; write [DATAPATH/PORT, DATAPATH/PORT] for each',
        ),
        ("[leaf-1/3]", "f:1:5: a link has two ends; write [DATAPATH/PORT, DATAPATH/PORT]"),
        ("[[leaf-1/3]]", "f:1:5: a link has two ends; write [DATAPATH/PORT, DATAPATH/PORT]"),
        ("[[leaf-1, spine-1/1]]", 'f:1:6: "leaf-1" names no port of a datapath; write DATAPATH/PORT'),
        ("[[leaf-1/x, spine-1/1]]", 'f:1:6: "x" is not a number'),
        ("[[leaf-1/0, spine-1/1]]", "f:1:6: 0 is not from 1 to 4294967040"),
        ("[[leaf-1/, spine-1/1]]", "f:1:6: the value is missing"),
        (
            "[[leaf-2/1, spine-1/1]]",
            'f:1:6: no datapath is called "leaf-2", and it is no dpid; did you mean "leaf-1"?',
        ),
        (
            "[[leaf-1/3, 0x1/3]]",
            "f:1:5: 0000000000000001/3 is an end of a link already, in line 1; "
            "a cable has two ends, and a port takes one cable",
        ),
    ],
)
def test_what_is_no_link_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert(text)
    assert str(caught.value) == told


def test_all_links_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert("[[leaf-1/1, spine-1/1], [leaf-1/1, spine-1/2], [leaf-1/0, spine-1/3]]")
    assert len(caught.value.problems) == 2


def test_the_main_file_may_name_datapaths_after_their_links() -> None:
    main = TextFile(MAIN.name, f"links: [[leaf-1/3, spine-1/1]]\ndiscovery: off\n{MAIN.text}")
    settings = read_configuration(main, [], []).settings
    assert settings.links == ((End(1, 3), End(3, 1)),)
    assert not settings.discovery
    assert read_configuration(MAIN, [], []).settings.discovery


def test_nothing_is_asked_of_datapaths_whose_names_could_not_be_read() -> None:
    main = TextFile(MAIN.name, "links: [[leaf-1/3, spine-1/1]]\ndatapaths: {leaf-1: {}}\nlisten: [ptcp:1]\n")
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(main, [], [])
    assert [problem.key for problem in caught.value.problems] == ["dpid"]
