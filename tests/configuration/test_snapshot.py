"""The configuration: everything that the admin wrote, at one moment."""

from datetime import datetime, timedelta, timezone

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.policies.when import When
from flowvisor.slices.slice import ScheduledPolicy
from tests.support.world import a_slice, configuration, ports


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


SUNDAYS = When(frozenset({6}), 0, 1440, "UTC")
NIGHTS = When(frozenset(range(7)), 22 * 60, 6 * 60, "UTC")
SUNDAY_NOON, SUNDAY_NIGHT, MONDAY_NOON = (
    datetime(2026, 11, day, hour, tzinfo=timezone.utc) for day, hour in ((22, 12), (22, 23), (23, 12))
)


def test_only_what_counts_at_a_moment_is_in_what_counts_then() -> None:
    first, second = ports(1), evolve(ports(2), when=(SUNDAYS,))
    written = configuration(a_slice("a", first, second), a_slice("b", ports(3)))
    assert written.at(SUNDAY_NOON).slices[0].rules == (first, second)
    assert written.at(MONDAY_NOON).slices[0].rules == (first,)
    assert written.at(MONDAY_NOON).slices[1] == written.slices[1]
    assert written.next_change(SUNDAY_NOON) == datetime(2026, 11, 23, tzinfo=timezone.utc)
    assert configuration(a_slice("a", first)).next_change(SUNDAY_NOON) is None


def test_of_policies_of_a_kind_one_with_times_comes_first_and_then_the_first_that_is_written() -> None:
    policies = [
        Bandwidth("slow", rate=1),
        Bandwidth("fast", rate=9),
        Bandwidth("night", rate=5, when=(NIGHTS,)),
        Quota("q", groups=1),
    ]
    one = evolve(
        a_slice("a", ports(1), policies=("slow", "night", "q")),
        scheduled=(ScheduledPolicy("fast", (SUNDAYS,)),),
    )
    written = configuration(one, policies=policies)
    assert [written.at(when).slices[0].policies for when in (MONDAY_NOON, SUNDAY_NOON, SUNDAY_NIGHT)] == [
        ("slow", "q"),
        ("fast", "q"),
        ("fast", "q"),
    ]
    assert written.at(MONDAY_NOON + timedelta(hours=12)).slices[0].policies == ("night", "q")
    assert all(not one.scheduled for one in written.at(SUNDAY_NOON).slices)
    assert written.next_change(SUNDAY_NOON) == datetime(2026, 11, 22, 22, tzinfo=timezone.utc)
