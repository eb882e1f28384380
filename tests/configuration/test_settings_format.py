"""The main file needs little, and what it leaves out has one meaning."""

import pytest

from flowvisor.configuration.snapshot import Settings
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.wanted_datapath import ANYHOW, WantedDatapath
from tests.support.formats import RIGHT, problems_of, read


def test_the_main_file_needs_little() -> None:
    assert read("main") == Settings(
        listen=(parse_connection_method("ptcp:6653"),),
        admin=(parse_connection_method("ptcp:8080:127.0.0.1"),),
        state="state",
        slices="slices",
        policies="policies",
        datapaths={},
        admission="open",
    )


def test_statistics_are_shared_for_a_second_unless_the_admin_says_otherwise() -> None:
    for lines, seconds in (({}, 1.0), ({"statistics_sharing_seconds": "0"}, 0.0)):
        settings = read("main", **lines)
        assert isinstance(settings, Settings)
        assert settings.statistics_sharing_seconds == seconds
    for wrong in ("-1", "1s", "61", "1e1"):
        told = problems_of("main", {**RIGHT["main"], "statistics_sharing_seconds": wrong})
        assert told.keys() == {"statistics_sharing_seconds"}
        assert "seconds from 0 to 60" in told["statistics_sharing_seconds"]


def test_the_admins_port_is_not_openflows() -> None:
    settings = read("main", admin="'ptcp:'")
    assert isinstance(settings, Settings)
    assert list(map(str, settings.admin)) == ["ptcp:8080"]


def test_the_admin_may_have_several_addresses() -> None:
    settings = read("main", admin="['ptcp:', pssl:8443]")
    assert isinstance(settings, Settings)
    assert list(map(str, settings.admin)) == ["ptcp:8080", "pssl:8443"]


def test_a_datapaths_certificate_belongs_to_its_dpid() -> None:
    settings = read("main", datapaths="{leaf: {dpid: 0x1, certificate: cn:leaf}, other: {dpid: 0x2}}")
    assert isinstance(settings, Settings)
    assert settings.datapaths == {"leaf": 1, "other": 2}
    assert settings.certificates == {1: (CertificatePin("cn", "leaf"),)}


def test_a_datapath_is_wanted_as_its_entry_says() -> None:
    leaf = "leaf-1: {dpid: 0x1, description: rack 3, admitted: no, ports: {3: down, 4: up}}"
    settings = read("main", datapaths=f"{{{leaf}, leaf-2: {{dpid: 0x2}}}}")
    assert isinstance(settings, Settings)
    assert settings.wanted == {1: WantedDatapath("rack 3", is_admitted=False, ports={3: False, 4: True})}
    assert settings.wanted_of(2) == ANYHOW


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("{3: on}", '"on" is not "up" or "down"'),
        ("{0: up}", "0 is not from 1 to"),
        ("{3: up, 0x3: down}", "3 stands here already"),
        ("[3]", "a list where"),
    ],
)
def test_ports_are_numbers_and_up_or_down(wanted: str, complaint: str) -> None:
    told = problems_of("main", {**RIGHT["main"], "datapaths": f"{{leaf: {{dpid: 0x1, ports: {wanted}}}}}"})
    assert complaint in " ".join(told.values())
