"""The main file needs little, and what it leaves out has one meaning."""

from flowvisor.configuration.snapshot import Settings
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import parse_connection_method
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
