"""A reload takes effect as a whole or not at all, and leaves alone what it does not concern."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from flowvisor.configuration.changes import Changes, Differences
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.reloading import MAX_PROBLEMS_LOGGED, RETRY_SECONDS, Outcome, Reloading
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.openflow.messages import PORT_ADD, PORT_DELETE, PortStatus
from flowvisor.openflow.versions import codec
from flowvisor.planning.preview import Preview, SliceChanges
from flowvisor.policies.quota import Quota
from flowvisor.policies.when import When
from tests.support.certificates import authority, issue
from tests.support.shell import FarEnd, Shell
from tests.support.world import a_slice, configuration, ports

BLUE, RED = a_slice("blue", ports(2)), a_slice("red", ports(1), tables=4)
WRONG = Problem(Place("slices/red.yaml", 7, 3), "flowspace", "wrong")


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []

    def keep(event: LogEvent) -> None:
        if str(event.get("event")).startswith("reload"):
            events.append(event)

    globalLogPublisher.addObserver(keep)
    yield events
    globalLogPublisher.removeObserver(keep)


def running() -> tuple[Shell, FarEnd, FarEnd]:
    shell = Shell()
    shell.datapath()
    return shell, shell.controller(), shell.controller()


def port_statuses(far_end: FarEnd) -> list[tuple[int, int]]:
    messages = [codec(4).decode(frame) for frame in far_end.frames]
    return [(one.reason, one.port.number) for one in messages if isinstance(one, PortStatus)]


def test_a_slice_that_is_not_concerned_hears_nothing_and_one_that_gains_is_told() -> None:
    shell, blue, red = running()
    outcome = shell.reload(configuration(BLUE, a_slice("red", ports(1, 3), tables=4)))
    assert outcome.changes == Changes(slices=Differences(changed={"red": ("flowspace",)}))
    assert (outcome.is_success, outcome.revision) == (True, 2)
    assert (blue.is_connected, red.is_connected, shell.calls) == (True, True, 2)
    assert (port_statuses(blue), port_statuses(red)) == ([], [(PORT_ADD, 3)])


def test_a_bad_set_changes_nothing_and_says_where(told: list[LogEvent]) -> None:
    shell, blue, red = running()
    before = shell.hypervisor.configuration
    outcome = shell.reload(ConfigurationError([WRONG]))
    assert (outcome.is_success, outcome.revision, outcome.problems) == (False, 1, (WRONG,))
    assert [(one["event"], one["problem"]) for one in told] == [("reload_refused", str(WRONG))]
    assert shell.hypervisor.configuration is before
    assert blue.is_connected
    assert red.is_connected


def test_of_many_problems_some_are_logged_and_all_are_told(told: list[LogEvent]) -> None:
    many = [evolve(WRONG, place=Place("a", line, 1)) for line in range(1, MAX_PROBLEMS_LOGGED + 9)]
    outcome = Shell().reload(ConfigurationError(many))
    assert (len(outcome.problems), len(told)) == (len(many), MAX_PROBLEMS_LOGGED)


def test_files_that_read_well_and_prove_nothing_are_refused() -> None:
    shell, *_ = running()
    outcome = shell.reload(configuration(BLUE, a_slice("red", ports(2), tables=4)))
    assert "conflicts with" in outcome.error
    assert shell.hypervisor.configuration.slices == (BLUE, RED)


def test_an_error_of_our_own_changes_nothing_and_is_counted(told: list[LogEvent]) -> None:
    shell, *_ = running()
    outcome = shell.reload(OSError("disk full"))
    assert outcome.error == "OSError: disk full"
    assert shell.connections.counters.own_errors == 1
    assert [one["problem"] for one in told] == ["OSError: disk full"]


def test_the_same_files_again_are_no_revision_but_where_things_stand_counts() -> None:
    shell, *_ = running()
    rules = tuple(evolve(rule, place=Place("slices/blue.yaml", 99, 1)) for rule in BLUE.rules)
    outcome = shell.reload(configuration(evolve(BLUE, rules=rules), RED))
    assert (outcome.revision, bool(outcome.changes)) == (1, False)
    assert shell.hypervisor.configuration.slices[0].rules[0].place.line == 99


def test_a_slice_that_goes_is_hung_up_on_and_one_that_comes_is_called() -> None:
    shell, blue, red = running()
    green = evolve(a_slice("green", ports(3)), controllers=(parse_connection_method("tcp:127.0.0.1:6900"),))
    shell.reload(configuration(RED, green))
    assert (blue.is_connected, red.is_connected) == (False, True)
    assert shell.reactor.tcpClients[2][1] == 6900
    assert [set(one.blocks) for one in shell.kept_allocations] == [{"green", "red"}]


def test_it_is_told_which_slices_are_gone_and_nothing_if_none_are() -> None:
    shell, *_ = running()
    gone: list[set[str]] = []
    shell.reloading.slices_gone = lambda names: gone.append(set(names))
    shell.reload(configuration(a_slice("red", ports(1, 3), tables=4), a_slice("green", ports(2))))
    shell.reload(configuration(a_slice("red", ports(1), tables=4), a_slice("green", ports(2))))
    assert gone == [{"blue"}]


def test_only_the_controllers_that_change_are_closed_and_called() -> None:
    shell, blue, red = running()
    methods = tuple(map(parse_connection_method, ("tcp:127.0.0.1:6801", "tcp:127.0.0.1:6900")))
    shell.reload(configuration(evolve(BLUE, controllers=methods), RED))
    assert (blue.is_connected, red.is_connected, shell.calls) == (True, True, 3)
    shell.reload(configuration(evolve(BLUE, controllers=methods[1:]), RED))
    assert (blue.is_connected, red.is_connected, shell.calls) == (False, True, 3)


def test_other_versions_mean_another_channel() -> None:
    shell, blue, red = running()
    shell.reload(configuration(evolve(BLUE, versions=frozenset({1})), RED))
    assert (blue.is_connected, red.is_connected, shell.calls) == (False, True, 3)


def test_listeners_come_go_and_may_change_hands() -> None:
    shell = Shell(configuration(BLUE, evolve(RED, controllers=(parse_connection_method("ptcp:16801"),))))
    shell.datapath()
    assert [port for port, *_ in shell.reactor.tcpServers] == [16801]
    caller = shell.caller()
    shell.reload(configuration(evolve(BLUE, controllers=(parse_connection_method("ptcp:16801"),)), RED))
    assert not caller.is_connected
    assert [port for port, *_ in shell.reactor.tcpServers] == [16801, 16801]  # the second is waited at again
    new = shell.caller(1)
    assert new.near.name()["slice"] == "blue"


def test_a_datapath_that_is_no_longer_listed_is_hung_up_on() -> None:
    shell = Shell()
    one, other = shell.datapath(1), shell.datapath(2)
    listed = evolve(shell.configuration.settings, admission="listed", datapaths={"leaf-1": 1})
    shell.reload(evolve(shell.configuration, settings=listed))
    assert (one.is_connected, other.is_connected) == (True, False)
    assert shell.datapath(2).is_connected is False


def test_what_cannot_change_live_is_told_again_and_again_and_does_not_count(told: list[LogEvent]) -> None:
    shell, *_ = running()
    settings = evolve(shell.configuration.settings, listen=(parse_connection_method("ptcp:7777"),))
    for _ in range(2):
        outcome = shell.reload(evolve(shell.configuration, settings=settings))
        assert (outcome.revision, outcome.changes.not_live) == (1, ("listen",))
    assert [one["after_restart"] for one in told] == ["listen", "listen"]
    assert shell.hypervisor.configuration.settings.listen == shell.configuration.settings.listen


def test_keys_that_are_new_are_shown_and_those_that_are_not_are_not_read_again(tmp_path: Path) -> None:
    ca = authority("ca")
    tls = issue("us", ca).write(tmp_path, "us", ca=ca)
    method = (parse_connection_method("ssl:127.0.0.1:6801"),)
    base = configuration(evolve(BLUE, controllers=method), RED)
    shell = Shell(evolve(base, settings=evolve(base.settings, tls=tls)))
    shell.datapath()
    assert shell.calls == 2
    before = dict(shell.connections.keyring.by_name)
    shell.reload(evolve(shell.configuration, policies={"p": Quota("p", groups=1)}))
    assert shell.connections.keyring.by_name == before
    assert shell.calls == 2
    own = issue("blue", ca).write(tmp_path, "blue", ca=ca)
    shell.reload(evolve(shell.configuration, slices=(evolve(shell.configuration.slices[0], tls=own), RED)))
    assert shell.calls == 3
    (key,) = shell.connections.keyring.by_name.values()
    assert key.files == own


class Slow:
    """A thread that is done when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((work, done))
        return done

    def finish(self) -> None:
        work, done = self.waiting.pop(0)
        done.callback(work())


def slow_reloading(shell: Shell, reads: list[Configuration]) -> tuple[Reloading, Slow]:
    slow = Slow()
    reloading = Reloading(
        shell.connections,
        read=lambda: reads.pop(0),
        keep=lambda _: None,
        in_thread=slow,
        now=lambda: shell.now,
    )
    return reloading, slow


def test_who_asks_while_files_are_read_is_answered_by_the_next_reading() -> None:
    shell, *_ = running()
    first, second = configuration(BLUE), configuration(RED)
    reloading, slow = slow_reloading(shell, [first, second])
    outcomes: list[Outcome] = []
    for trigger in ("files", "signal", "rest"):
        reloading.reload(trigger).addCallback(outcomes.append)
    assert len(slow.waiting) == 1
    slow.finish()
    assert [one.changes.slices.removed for one in outcomes] == [("red",)]
    slow.finish()
    assert [one.changes.slices.added for one in outcomes[1:]] == [("red",), ("red",)]
    assert slow.waiting == []
    assert reloading.counts == {("files", "taken"): 1, ("signal", "taken"): 1}


def test_a_plan_says_what_a_reload_would_do_and_does_nothing() -> None:
    shell, *_ = running()
    shell.files = configuration(BLUE, a_slice("red", ports(1, 3), tables=4))
    plans: list[Preview] = []
    shell.reloading.plan().addCallback(plans.append)
    ((datapath,),) = [one.datapaths for one in plans]
    assert datapath.slices == {"red": SliceChanges(ports_gained=("3",))}
    assert shell.hypervisor.configuration is shell.configuration
    shell.files = configuration(BLUE, a_slice("red", ports(2), tables=4))
    errors: list[Failure] = []
    shell.reloading.plan().addErrback(errors.append)
    assert [error.type for error in errors] == [ConfigurationError]


NIGHT = When(frozenset(range(7)), 22 * 60, 6 * 60, "UTC")  # and the shell's clock begins at 9:30 UTC


def test_what_begins_by_the_clock_is_a_reload_like_any_other_also_while_files_are_bad() -> None:
    shell, _blue, red = running()
    at_night = evolve(ports(3), when=(NIGHT,))
    assert shell.reload(configuration(BLUE, a_slice("red", *RED.rules, at_night, tables=4))).revision == 1
    shell.files = ConfigurationError([WRONG])
    shell.reloading.tick()
    assert port_statuses(red) == []
    shell.reactor.advance(12.5 * 3600)
    shell.reloading.tick()
    shell.settle()
    assert port_statuses(red) == [(PORT_ADD, 3)]
    assert shell.reloading.counts["schedule", "taken"] == 1
    shell.reactor.advance(8 * 3600)
    shell.reloading.tick()
    shell.settle()
    assert port_statuses(red) == [(PORT_ADD, 3), (PORT_DELETE, 3)]
    assert shell.reloading.revision == 3


def test_what_could_not_begin_by_the_clock_is_tried_again() -> None:
    shell, *_ = running()
    at_night = evolve(ports(3), when=(NIGHT,))
    shell.reload(configuration(BLUE, a_slice("red", *RED.rules, at_night, tables=4)))
    kept = shell.reloading._keep
    shell.reloading._keep = fails
    shell.reloading._written = evolve(shell.reloading._written, slices=(BLUE, a_slice("new", at_night)))
    shell.reactor.advance(12.5 * 3600)
    shell.reloading.tick()
    assert shell.reloading.counts["schedule", "refused"] == 1
    shell.reloading._keep = kept
    shell.reloading.tick()
    assert shell.reloading.counts["schedule", "taken"] == 0
    shell.reactor.advance(RETRY_SECONDS)
    shell.reloading.tick()
    assert shell.reloading.counts["schedule", "taken"] == 1


def fails(_: object) -> None:
    raise OSError("disk full")


def test_a_plan_may_be_of_another_time() -> None:
    shell, *_ = running()
    at_night = evolve(ports(3), when=(NIGHT,))
    shell.files = configuration(BLUE, a_slice("red", *RED.rules, at_night, tables=4))
    plans: list[Preview] = []
    for moment in (None, datetime(2026, 11, 25, 23, tzinfo=timezone.utc)):
        shell.reloading.plan(moment).addCallback(plans.append)
    assert [bool(one) for one in plans] == [False, True]
    assert plans[1].datapaths[0].slices == {"red": SliceChanges(ports_gained=("3",))}


def test_what_was_read_when_the_service_stops_does_not_count() -> None:
    shell, *_ = running()
    reloading, slow = slow_reloading(shell, [configuration(BLUE)])
    reloading.reload()
    reloading.stop()
    slow.finish()
    assert shell.hypervisor.configuration is shell.configuration
