"""The configuration: everything that the admin wrote, at one moment."""

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.policies.acl import Acl
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from tests.support.world import a_slice, configuration


def test_a_datapath_is_called_by_its_name_or_else_by_its_dpid() -> None:
    settings = Settings(
        listen=(parse_connection_method("ptcp:"),),
        admin=(parse_connection_method("ptcp:8080"),),
        state="state",
        slices="slices",
        policies="policies",
        datapaths={"leaf-1": 1, "leaf-2": 2},
        admission="open",
    )
    everything = Configuration(settings=settings, slices=(), policies={})
    assert everything.datapath_name(2) == "leaf-2"
    assert everything.datapath_name(0xAB) == "00000000000000ab"


def test_a_slice_has_at_most_one_policy_of_a_kind() -> None:
    small = Quota("small", groups=1)
    steady = RateLimit("steady", packet_in=1.0)
    limited = a_slice("one", policies=["steady"])
    found = configuration(limited, policies=[small, steady])
    assert found.policy_of(limited, RateLimit) is steady
    assert found.policy_of(limited, Quota) is None


def test_acls_are_known_by_the_slices_that_have_them() -> None:
    acl = Acl("no", ())
    found = configuration(a_slice("one", policies=["no"]), a_slice("two"), policies=[acl])
    assert found.acls == {"one": acl}


def test_where_others_may_read_along_is_known() -> None:
    methods = ("ptcp:8080", "ptcp:8081:127.0.0.1", "pssl:8443", "punix:/run/x")
    settings = evolve(configuration().settings, admin=tuple(map(parse_connection_method, methods)))
    assert settings.open_admin == ["ptcp:8080"]
