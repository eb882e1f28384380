"""The command line: what it says, where it says it, and with which status it leaves."""

import json
import shutil
import struct
import subprocess
import sys
import types
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowvisor import __version__
from flowvisor.admin import logs
from flowvisor.cli import LOG_FORMATS, LOG_LEVELS, MAX_NOTES_SHOWN, main
from flowvisor.configuration.snapshot import Configuration

ROOT = Path(__file__).parents[1]
MAIN = "listen: ['ptcp:']\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("flowvisor.yaml", MAIN)
    (tmp_path / "slices").mkdir()
    (tmp_path / "policies").mkdir()
    return tmp_path


def write(name: str, text: str) -> None:
    Path(name).write_text(text, "utf-8")


def write_slice(name: str, *rules: str) -> None:
    head = f"kind: flowspace\nname: {name}\ncontrollers: [tcp:a]\nflowspace:\n"
    write(f"slices/{name}.yaml", head + "".join(f"  - {rule}\n" for rule in rules))


def write_two_slices(*, priority: int) -> None:
    write_slice("a", "{datapaths: all, priority: 100, match: {ipv4_src: 10.1.0.0/16}}")
    write_slice("b", f"{{datapaths: all, priority: {priority}, match: {{vlan_vid: 100}}}}")


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, **options)


def test_good_files_are_one_line_and_status_0() -> None:
    write_slice("a", "{datapaths: all, priority: 100, match: {in_port: 1}}")
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "ok: 1 slices, 1 rules, 0 policies, 0 datapaths; no two slices own the same packets\n"
    )


def test_an_acl_that_cannot_be_put_in_force_is_told_with_its_line() -> None:
    write("policies/no.yaml", "kind: acl\nname: no\nrules:\n  - {permit: {eth_type: arp}}\n  - {deny: {}}\n")
    result = run("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("policies/no.yaml:5:5: rules: what the exceptions before it leave")


def test_a_bandwidth_that_some_datapaths_cannot_limit_is_noted() -> None:
    write_slice("a", "{datapaths: all, priority: 100, match: {in_port: 1}}")
    write("policies/slow.yaml", "kind: bandwidth\nname: slow\nrate: 1 Mbit/s\n")
    write("policies/fast.yaml", "kind: bandwidth\nname: fast\nrate: 1 Mbit/s\nqueues: [1]\n")
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("note: slow names no queues: where a datapath has no meters")
    assert "fast" not in result.stdout
    assert json.loads(run("check", "--json").stdout)["notes"] == [{"kind": "no-queues", "policy": "slow"}]


def test_everything_that_is_wrong_is_a_line_on_standard_error_and_status_2() -> None:
    write("flowvisor.yaml", MAIN + "sclices: x\n")
    write_slice("a", "{datapaths: all, priorty: 1, match: {}}")
    result = run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        'flowvisor.yaml:2:1: sclices: unknown key; did you mean "slices"?',
        "slices/a.yaml:5:5: priority: this key is missing",
        'slices/a.yaml:5:22: priorty: unknown key; did you mean "priority"?',
        "3 problems",
    ]


def test_a_conflict_is_told_with_both_places_and_a_packet() -> None:
    write_two_slices(priority=100)
    result = run("check")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "slices/b.yaml:5:5: flowspace: conflicts with slices/a.yaml:5:5: at all datapaths, with priority 100, a "
        "and b both own packets like vlan_vid 100, eth_type ipv4, ipv4_src 10.1.0.0; give one a higher priority",
        "1 problem",
    ]


@pytest.mark.parametrize(("priority", "winner", "loser"), [(99, "a", "b"), (101, "b", "a")])
def test_what_a_priority_settles_is_noted_and_status_0(priority: int, winner: str, loser: str) -> None:
    write_two_slices(priority=priority)
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        f"slices/{winner}.yaml:5:5: note: at all datapaths {winner} has by its priority what {loser} names, too, "
        f"in slices/{loser}.yaml:5:5: packets like vlan_vid 100, eth_type ipv4, ipv4_src 10.1.0.0"
    )


def test_of_many_notes_the_first_are_shown() -> None:
    write_slice("a", "{datapaths: all, priority: 1, match: {}}")
    rules = (
        f"{{datapaths: all, priority: 2, match: {{in_port: {n}}}}}" for n in range(1, MAX_NOTES_SHOWN + 4)
    )
    write_slice("b", *rules)
    lines = run("check").stdout.splitlines()
    assert len(lines) == MAX_NOTES_SHOWN + 2
    assert lines[-2] == "and 3 more like these (all of them: --json)"
    assert len(json.loads(run("check", "--json").stdout)["notes"]) == MAX_NOTES_SHOWN + 3


def test_as_json_good_files_are_counts_and_notes() -> None:
    write_two_slices(priority=7)
    result = run("check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "ok": True,
        "problems": [],
        "slices": 2,
        "rules": 2,
        "policies": 0,
        "datapaths": 0,
        "notes": [
            {
                "kind": "by-priority",
                "slices": ["a", "b"],
                "places": ["slices/a.yaml:5:5", "slices/b.yaml:5:5"],
                "datapath": "all datapaths",
                "packet": "vlan_vid 100, eth_type ipv4, ipv4_src 10.1.0.0",
                "winner": "a",
            }
        ],
    }


def test_as_json_problems_are_objects_on_standard_output() -> None:
    write("flowvisor.yaml", MAIN + "sclices: x\n")
    result = run("check", "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    assert json.loads(result.stdout) == {
        "ok": False,
        "problems": [
            {
                "file": "flowvisor.yaml",
                "line": 2,
                "column": 1,
                "key": "sclices",
                "message": "unknown key",
                "suggestion": 'did you mean "slices"?',
            }
        ],
    }


def test_colours_are_for_terminals_only() -> None:
    write("flowvisor.yaml", "")
    assert "\x1b[" not in run("check").stderr
    assert "\x1b[" in run("check", color=True).stderr


def test_the_shipped_files_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = run("check")
    assert (result.exit_code, result.stdout) == (
        0,
        "ok: 3 slices, 4 rules, 4 policies, 3 datapaths; no two slices own the same packets\n",
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Configuration, Any, dict[str, Any]]]:
    """What was started, instead of starting it: both are processes of their own in tests/system."""
    calls: list[tuple[str, Configuration, Any, dict[str, Any]]] = []

    def run_service(configuration: Configuration, base: Path, **options: Any) -> int:
        calls.append(("run", configuration, base, options))
        return 0

    def run_demo(configuration: Configuration, **options: Any) -> int:
        calls.append(("demo", configuration, None, options))
        return 1

    service, demo = types.ModuleType("flowvisor.service"), types.ModuleType("flowvisor.emulation.demo")
    service.run_service = run_service  # type: ignore[attr-defined]
    service.Service = object  # type: ignore[attr-defined]
    demo.run_demo = run_demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flowvisor.service", service)
    monkeypatch.setitem(sys.modules, "flowvisor.emulation.demo", demo)
    return calls


def test_run_starts_the_service_with_what_was_read(root: Path, started: list[Any]) -> None:
    write_slice("a", "{datapaths: all, priority: 100, match: {in_port: 1}}")
    assert run("run", "--config", "flowvisor.yaml", "--log-format", "json").exit_code == 0
    ((command, configuration, base, options),) = started
    assert (command, base) == ("run", root)
    assert options == {"main_file": root / "flowvisor.yaml", "log_format": "json", "log_level": "info"}
    assert [one.name for one in configuration.slices] == ["a"]


def test_demo_leaves_with_the_status_of_what_it_showed(started: list[Any]) -> None:
    assert run("demo", "--keep", "--json").exit_code == 1
    assert [(command, options) for command, _, _, options in started] == [
        ("demo", {"keep": True, "as_json": True, "make_service": object})
    ]


@pytest.mark.parametrize("command", ["run", "demo"])
@pytest.mark.parametrize("is_conflict", [True, False])
def test_with_bad_files_nothing_is_started(command: str, is_conflict: bool, started: list[Any]) -> None:
    if is_conflict:
        write_two_slices(priority=100)
    else:
        write("slices/a.yaml", "kind: real-network\n")
    result = run(command)
    assert (result.exit_code, started) == (2, [])
    assert result.stderr.endswith("1 problem\n")


def test_a_config_that_is_not_there_is_a_bad_file() -> None:
    result = run("check", "--config", "x.yaml")
    assert result.exit_code == 2
    assert result.stderr.startswith("x.yaml:1:1: the file cannot be read: No such file or directory\n")


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"flowvisor, version {__version__}\n"


@pytest.mark.parametrize("command", ["check", "run", "demo"])
def test_the_help_tells_the_exit_statuses(command: str) -> None:
    assert "Exit status: 0 " in run(command, "--help").stdout
    assert "; 2 something is" in " ".join(run(command, "--help").stdout.split())


def test_the_logs_options_are_those_of_the_log() -> None:
    assert (tuple(logs.FORMATS), tuple(logs.LEVELS)) == (LOG_FORMATS, LOG_LEVELS)


def test_check_does_not_load_twisted() -> None:
    code = "import sys; from flowvisor import cli; sys.exit('twisted.internet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def plan_of_a_change(*options: str) -> Result:
    """What `plan` says when a rule of slice a gets another port, beside the files that run in `running/`."""
    write_slice("a", "{datapaths: all, priority: 100, match: {in_port: 1}}")
    shutil.copytree("slices", "running/slices")
    shutil.copytree("policies", "running/policies")
    shutil.copy("flowvisor.yaml", "running")
    if "--same" not in options:
        write_slice("a", "{datapaths: all, priority: 100, match: {in_port: 2}}")
    return run("plan", "--against", "running", *(one for one in options if one != "--same"))


def test_plan_says_what_changes_and_exits_3() -> None:
    result = plan_of_a_change()
    assert (result.exit_code, result.stderr) == (3, "")
    assert result.stdout.splitlines() == [
        "~ slice a: flowspace",
        "datapath all other datapaths",
        "  + priority 201: in_port 2 -> a",
        "  - priority 201: in_port 1 -> a",
        "  ~ slice a: gains ports 2",
        "  ~ slice a: loses ports 1",
    ]


def test_plan_exits_0_where_nothing_changes() -> None:
    result = plan_of_a_change("--same")
    assert (result.exit_code, result.stdout) == (0, "nothing changes\n")


def test_plan_as_json() -> None:
    result = plan_of_a_change("--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["changes"], found["slices"]["changed"]) == (3, True, {"a": ["flowspace"]})


def test_plan_goes_by_the_tables_that_the_running_one_has_given() -> None:
    plan_of_a_change()
    Path("running/state").mkdir()
    write("running/state/allocations.json", '{"tables": {"a": [250, 8]}}')  # more than any datapath has
    result = run("plan", "--against", "running/flowvisor.yaml")
    assert result.exit_code == 3
    assert "priority" not in result.stdout  # for then no entry of the hypervisor's says whose packets are


@pytest.mark.parametrize("where", ["running/slices/a.yaml", "slices/a.yaml"])
def test_plan_with_errors_in_either_of_the_files_exits_2(where: str) -> None:
    plan_of_a_change()
    write(where, "kind: flowspace\n")
    result = run("plan", "--against", "running")
    assert (result.exit_code, where in result.stderr) == (2, True)
    as_json = json.loads(run("plan", "--against", "running", "--json").stdout)
    assert (as_json["ok"], as_json["problems"][0]["file"]) == (False, where)


def test_plan_against_a_folder_without_files_says_so() -> None:
    Path("empty").mkdir()
    result = run("plan", "--against", "empty")
    assert (result.exit_code, "empty/flowvisor.yaml" in result.stderr) == (2, True)


def test_an_admins_address_that_others_may_read_along_is_told() -> None:
    write("flowvisor.yaml", MAIN + "admin: [ptcp:8080, ptcp:8081:127.0.0.1]\n")
    result = run("check")
    assert result.stdout.startswith("note: ptcp:8080 (admin) is not encrypted")
    assert "8081" not in result.stdout
    assert {"kind": "admin-in-the-clear", "method": "ptcp:8080"} in json.loads(run("check", "--json").stdout)[
        "notes"
    ]


def test_a_file_of_tokens_is_checked_if_it_is_there() -> None:
    write("flowvisor.yaml", MAIN + "tokens: tokens.yaml\n")
    assert run("check").exit_code == 0
    write("tokens.yaml", "admin: {salt: x}\n")
    result = run("check")
    assert (result.exit_code, "tokens.yaml:1:8: created: this key is missing" in result.stderr) == (2, True)


PACKET = "020000000002020000000001" + "8100" + "0064" + "88b5" + "00" * 46


def explained(*options: str, **more: Any) -> Result:
    write("flowvisor.yaml", MAIN + 'datapaths:\n  leaf: {dpid: "0000000000000007"}\n')
    write_two_slices(priority=200)
    return run("explain", *options, **more)


def test_explain_says_whose_a_packet_is_and_where_that_is_written() -> None:
    result = explained("--datapath", "leaf", "in_port=1,vlan_vid=100,ipv4_src=10.1.2.3")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "leaf: in_port 1, eth_type ipv4, vlan_vid 100, ipv4_src 10.1.2.3",
        "  belongs to b",
        "  slices/b.yaml:5:5: b, priority 200: vlan_vid 100: has it",
        "  slices/a.yaml:5:5: a, priority 100: ipv4_src 10.1.0.0/16: loses it",
        "  entry, priority 401: vlan_vid 100 -> b",
    ]


def test_explain_takes_whole_packets() -> None:
    as_hex = explained("--datapath", "0x7", "--hex", PACKET, "--json", "in_port=1")
    (found,) = json.loads(as_hex.stdout)
    assert (found["owner"], found["datapath"]) == ("b", "leaf")
    record = struct.pack("<IIII", 1, 2, 64, 64) + bytes.fromhex(PACKET)
    Path("caught.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + 2 * record)
    as_pcap = run("explain", "--datapath", "leaf", "--pcap", "caught.pcap", "--json", "in_port=1")
    assert as_pcap.stdout == as_hex.stdout  # the same packet twice is told once


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--datapath", "leaf", "tcp_dst=80"), "say in_port=PORT"),
        (("--datapath", "nowhere", "in_port=1"), "nowhere"),
        (("--datapath", "leaf", "in_port=1,color=red"), "color=red"),
        (("--datapath", "leaf", "--hex", "0", "in_port=1"), "hex"),
        (("--datapath", "leaf", "--hex", PACKET, "in_port=1,tcp_dst=80"), "by its fields, by --hex, or by"),
        (("--datapath", "leaf", "--pcap", "flowvisor.yaml", "in_port=1"), "this is no pcap file"),
    ],
)
def test_explain_says_what_is_wrong_in_what_was_asked(options: tuple[str, ...], told: str) -> None:
    result = explained(*options)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_plan_says_what_will_change_at_another_time() -> None:
    write_slice(
        "a",
        "{datapaths: all, priority: 100, match: {in_port: 1}}",
        "{datapaths: all, priority: 100, match: {in_port: 2}, when: {days: sun}}",
    )
    sunday = run("plan", "--against", ".", "--at", "2030-06-02T12:00")
    monday = run("plan", "--against", ".", "--at", "2030-06-03T12:00")
    today_is_sunday = datetime.now(timezone.utc).weekday() == 6
    assert [one.exit_code for one in (sunday, monday)] == ([0, 3] if today_is_sunday else [3, 0])
    assert run("plan", "--against", ".", "--at", "tomorrow").exit_code == 2
