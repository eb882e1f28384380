"""From the texts of the admin's files to one configuration, or to everything that is wrong with them."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import named_folders, read_configuration
from flowvisor.errors import ConfigurationError, Place
from flowvisor.openflow.match import Match
from flowvisor.policies.acl import Acl
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.flowspace_slice import FlowspaceRule
from tests.support.admin_files import MAIN, QUOTA, RATE_LIMIT, configuration_of, rule, slice_file

ROOT = Path(__file__).parents[2]
READ_AND_WRITE = frozenset({"read", "write"})


def told_about(
    *slices: TextFile, main: TextFile = MAIN, policies: tuple[TextFile, ...] = (QUOTA, RATE_LIMIT)
) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(main, slices, policies)
    return str(caught.value).splitlines()


def test_all_files_together_are_a_configuration() -> None:
    second = slice_file("b", rule("vlan_vid: 100", datapaths="[leaf-1, 0x10]"), more="policies: [small]\n")
    configuration = configuration_of(second, slice_file("a", rule("in_port: [1, 2]", priority=7)))

    assert [one.name for one in configuration.slices] == ["a", "b"]
    first, second_slice = configuration.slices
    assert (first.versions, first.tables, first.policies) == ({1, 4}, 8, ())
    assert [str(method) for method in first.controllers] == ["tcp:127.0.0.1:6801"]
    assert first.place == Place("slices/a.yaml", 1, 1)
    assert first.rules == (
        FlowspaceRule(
            datapaths=None,
            priority=7,
            matches=(Match.of(in_port=1), Match.of(in_port=2)),
            permissions=READ_AND_WRITE,
            place=Place("slices/a.yaml", 5, 5),
        ),
    )
    assert second_slice.policies == ("small",)
    assert second_slice.rules[0].datapaths == {1, 16}
    assert configuration.policies == {
        "small": Quota(name="small", groups=16),
        "steady": RateLimit(name="steady", packet_in=500),
    }
    assert configuration.settings.datapaths == {"leaf-1": 1, "leaf-2": 2, "spine-1": 3}


def test_there_may_be_no_slices_and_no_policies() -> None:
    configuration = read_configuration(MAIN, [], [])
    assert (configuration.slices, configuration.policies) == ((), {})


def test_everything_that_is_wrong_in_all_files_is_told_at_once() -> None:
    main = TextFile("flowvisor.yaml", "listen: [tcp:1.2.3.4]\ntls: {ca: }\nadmission: listd\n")
    quota = TextFile("policies/small.yaml", "kind: quota\nname: smal\ngroups: many\n")
    gold = TextFile("policies/gold.yaml", "kind: bandwith\nname: gold\n")
    wrong = slice_file(
        "a", rule("vlan_vd: 1", priority=-1, datapaths="[leaf-9]"), more="policies: [gold, silver]\n"
    )
    blue = TextFile("slices/blue.yaml", "kind: virtual-network\nname: blue\nswitches: {}\n")
    assert told_about(wrong, blue, main=main, policies=(quota, gold)) == [
        'flowvisor.yaml:1:10: listen: "tcp:1.2.3.4" calls somebody, it does not listen; write ptcp:PORT:ADDRESS',
        "flowvisor.yaml:2:11: ca: the value is missing",
        'flowvisor.yaml:3:12: admission: "listd" is not "open" or "listed"; did you mean "listed"?',
        'policies/gold.yaml:1:7: kind: "bandwith" is not "acl" or "bandwidth" or "quota" or "rate-limit"; did you mean '
        '"bandwidth"?',
        'policies/small.yaml:2:7: name: "smal" is not the name of the file; write "small" or call the file smal.yaml',
        'policies/small.yaml:3:9: groups: "many" is not a number',
        'slices/a.yaml:4:18: policies: there is no policy "silver"',
        'slices/a.yaml:6:18: datapaths: no datapath is called "leaf-9", and it is no dpid',
        "slices/a.yaml:6:37: priority: -1 is not from 0 to 16380",
        'slices/a.yaml:6:49: vlan_vd: unknown key; did you mean "vlan_vid"?',
        "slices/blue.yaml:3:11: switches: a network without switches is none",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "slices/a.yaml:1:1: the file is empty"),
        ("name: a", "slices/a.yaml:1:1: kind: this key is missing"),
        (
            "kind: flowspce",
            'slices/a.yaml:1:7: kind: "flowspce" is not "flowspace" or "virtual-network"; did you mean "flowspace"?',
        ),
        ("kind: [flowspace]", "slices/a.yaml:1:7: kind: a list where one value is expected"),
        ("kind: quota", 'slices/a.yaml:1:7: kind: "quota" is not "flowspace" or "virtual-network"'),
        (
            "name: a\nkind: acl\nkind: acl",
            'slices/a.yaml:2:7: kind: "acl" is not "flowspace" or "virtual-network"',
        ),
    ],
)
def test_a_file_says_what_kind_it_is(text: str, told: str) -> None:
    assert told_about(TextFile("slices/a.yaml", text))[0] == told


def test_a_list_of_rules_may_not_be_one_rule() -> None:
    file = TextFile(
        "slices/a.yaml", "kind: flowspace\nname: a\ncontrollers: [tcp:a]\nflowspace: {priority: 1}\n"
    )
    assert told_about(file) == [
        "slices/a.yaml:4:12: flowspace: a mapping where a list is expected; write [one, another]"
    ]


def test_a_rule_has_where_which_first_and_what() -> None:
    assert told_about(slice_file("a", "{}", "x")) == [
        "slices/a.yaml:5:5: datapaths: this key is missing",
        "slices/a.yaml:5:5: priority: this key is missing",
        "slices/a.yaml:5:5: match: this key is missing",
        'slices/a.yaml:6:5: flowspace: "x" where "key: value" pairs are expected',
    ]


def test_a_broken_main_file_does_not_hide_what_is_wrong_in_the_slices() -> None:
    main = TextFile("flowvisor.yaml", "listen: [")
    told = told_about(slice_file("a", rule("vlan_vid: 0", datapaths="[leaf-1]")), main=main)
    assert [line.partition(" ")[0] for line in told] == ["flowvisor.yaml:2:1:", "slices/a.yaml:5:60:"]


def test_names_of_datapaths_count_where_other_keys_of_the_main_file_are_wrong() -> None:
    main = TextFile("flowvisor.yaml", "listen: 1\ndatapaths: {x: {dpid: 0x1}}")
    told = told_about(slice_file("a", rule("", datapaths="[x]"), rule("", datapaths="[y]")), main=main)
    assert told == [
        'flowvisor.yaml:1:9: listen: "1" where a list is expected; write [one, another]',
        'slices/a.yaml:6:18: datapaths: no datapath is called "y", and it is no dpid',
    ]


def test_a_policy_whose_file_is_broken_is_not_said_to_be_missing() -> None:
    broken = TextFile("policies/small.yaml", "kind: [")
    told = told_about(slice_file("a", rule(""), more="policies: [small]\n"), policies=(broken,))
    assert [line.partition(":")[0] for line in told] == ["policies/small.yaml"]


def test_the_folders_are_known_before_the_files_in_them_are_read() -> None:
    main = TextFile("d/flowvisor.yaml", "listen: 1\nslices: ../a\nstate: [\n")
    assert named_folders(main) == {}
    main = TextFile("d/flowvisor.yaml", "listen: 1\nslices: ../a\n")
    assert named_folders(main) == {
        "slices": ("../a", Place("d/flowvisor.yaml", 2, 9)),
        "policies": ("policies", Place("d/flowvisor.yaml", 1, 1)),
    }
    main = TextFile("d/flowvisor.yaml", "slices: []\n")
    assert list(named_folders(main)) == ["policies"]


@pytest.mark.no_cover
def test_five_thousand_rules_are_read_in_seconds() -> None:
    rules = [rule(f"vlan_vid: {1 + n % 4094}, tcp_dst: [80, 443]", datapaths="[leaf-1]") for n in range(5000)]
    began = time.process_time()
    configuration_of(slice_file("a", *rules))
    assert time.process_time() - began < 5  # about 0.5 s; the bound is for a slow machine


def shipped(folder: str) -> list[TextFile]:
    return [TextFile(str(path), path.read_text("utf-8")) for path in sorted((ROOT / folder).glob("*.yaml"))]


(SHIPPED_MAIN,) = (file for file in shipped("deploy") if file.name.endswith("flowvisor.yaml"))
SHIPPED = [SHIPPED_MAIN, *shipped("slices"), *shipped("policies")]


def read_or_refuse(main: TextFile, slices: list[TextFile], policies: list[TextFile]) -> None:
    """What a reader may do; any other exception is a failure."""
    try:
        read_configuration(main, slices, policies)
    except ConfigurationError as error:
        assert error.problems  # noqa: PT017


@given(st.text(), st.text(), st.text())
def test_any_texts_are_a_configuration_or_a_configuration_error(main: str, one: str, policy: str) -> None:
    read_or_refuse(TextFile("f", main), [TextFile("a.yaml", one)], [TextFile("b.yaml", policy)])


@st.composite
def mutations(draw: st.DrawFn) -> tuple[int, str]:
    """One of the shipped files with a few pieces of text cut out, doubled or replaced."""
    index = draw(st.integers(0, len(SHIPPED) - 1))
    text = "\n".join(line for line in SHIPPED[index].text.splitlines() if not line.startswith("#"))
    junk = st.text(max_size=4) | st.sampled_from(
        [
            *(
                "[",
                "]",
                "{",
                "}",
                ": ",
                "- ",
                "\n",
                "\t",
                "~",
                "-1",
                "0x1",
                "all",
                "*a",
                "&a ",
                "<<: ",
                "1-9",
                "/",
            )
        ]
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 12, len(text))))
        piece = draw(st.just("") | junk | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return index, text


@given(mutations())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(mutation: tuple[int, str]) -> None:
    index, text = mutation
    files = list(SHIPPED)
    files[index] = TextFile(files[index].name, text)
    slices = [file for file in files if "/slices/" in file.name]
    policies = [file for file in files if "/policies/" in file.name]
    read_or_refuse(files[0], slices, policies)


def test_the_shipped_files_are_right() -> None:
    configuration = read_configuration(SHIPPED_MAIN, shipped("slices"), shipped("policies"))
    assert [one.name for one in configuration.slices] == ["campus", "lab", "research"]
    assert set(configuration.policies) == {"gold", "no-spoofing", "small-quota", "steady"}


def test_what_the_shipped_files_show_in_comments_is_right_too() -> None:
    texts = {file.name.rpartition("/")[2]: file.text for file in SHIPPED}
    campus = texts["campus.yaml"].replace("#   - {", "  - {")
    assert campus.count("\n  - {") == texts["campus.yaml"].count("\n  - {") + 4
    policies = [
        TextFile(
            name,
            texts[name]
            .replace("\n# flow_entries", "\nflow_entries")
            .replace("\n# messages", "\nmessages")
            .replace("\n#   - {", "\n  - {"),
        )
        for name in ("small-quota.yaml", "steady.yaml", "no-spoofing.yaml")
    ]
    configuration = read_configuration(SHIPPED_MAIN, [TextFile("campus.yaml", campus)], policies)
    assert len(configuration.slices[0].rules) == 6
    assert configuration.policies["small-quota"] == Quota(
        name="small-quota", flow_entries_per_datapath=250, flow_entries=1000, groups=16, meters=4
    )
    no_spoofing = configuration.policies["no-spoofing"]
    assert isinstance(no_spoofing, Acl)
    assert [rule.is_denied for rule in no_spoofing.rules] == [True, True, True, False, True]
    assert configuration.policies["steady"] == RateLimit(
        name="steady", packet_in=500, packet_out=500, flow_mod=200, messages=2000
    )
