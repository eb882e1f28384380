"""Links as the admin writes them, and everything that can be wrong with them."""

import pytest

from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.link_reader import DeclaredLink, links
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.schema import Names
from flowvisor.errors import ConfigurationError
from flowvisor.network.topology import End
from tests.support.admin_files import MAIN

NAMES = Names(datapaths={"leaf-1": 1, "spine-1": 3})


def convert(text: str, names: Names = NAMES) -> tuple[DeclaredLink, ...]:
    ((_, value),) = parse_document(TextFile("f", f"k: {text}")).entries
    return links(value, names)


def test_a_link_joins_ports_of_datapaths_by_name_or_dpid() -> None:
    assert convert("[[leaf-1/3, spine-1/1], [0x10/1, 00:00:00:00:00:00:00:01/4]]") == (
        DeclaredLink((End(1, 3), End(3, 1))),
        DeclaredLink((End(16, 1), End(1, 4))),
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


def test_of_a_link_may_be_said_what_it_is_and_what_it_carries() -> None:
    assert convert("[{ends: [leaf-1/3, spine-1/1], kind: tunnel, capacity: 10 Gbit/s}]") == (
        DeclaredLink((End(1, 3), End(3, 1)), is_tunnel=True, capacity=10_000_000),
    )
    assert convert("[{ends: [leaf-1/3, spine-1/1], kind: cable}]") == (DeclaredLink((End(1, 3), End(3, 1))),)


@pytest.mark.parametrize("capacity", ["10", "0 Gbit/s", "x Mbit/s", "1 Gb", "99999999999 Gbit/s"])
def test_what_is_no_capacity_is_refused(capacity: str) -> None:
    with pytest.raises(ConfigurationError, match="capacity"):
        convert(f"[{{ends: [leaf-1/3, spine-1/1], capacity: {capacity}}}]")


def test_the_settings_know_of_each_end_what_was_said_of_its_link() -> None:
    text = f"links: [{{ends: [leaf-1/3, spine-1/1], kind: tunnel, capacity: 5 Mbit/s}}]\nlabels: 100-199\n{MAIN.text}"
    settings = read_configuration(TextFile(MAIN.name, text), [], []).settings
    assert settings.links == ((End(1, 3), End(3, 1)),)
    assert settings.capacities == {End(1, 3): 5000, End(3, 1): 5000}
    assert settings.tunnel_ports == {End(1, 3), End(3, 1)}
    assert settings.labels == range(100, 200)
