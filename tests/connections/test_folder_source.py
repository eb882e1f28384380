"""The admin's files as they lie in folders: found, read, and given to the reader."""

import os
from pathlib import Path

import pytest

from flowvisor.configuration.documents import MAX_FILE_CHARACTERS
from flowvisor.connections import folder_source
from flowvisor.connections.folder_source import SEARCHED, FileChange, find_main_file, load
from flowvisor.errors import ConfigurationError
from tests.support.certificates import authority, issue

MAIN = "listen: ['ptcp:']\nslices: ../slices\npolicies: ../policies\nstate: ../state\n"
SLICE = (
    "kind: flowspace\nname: {name}\ncontrollers: [tcp:a]\npolicies: [small]\n"
    "flowspace: [{{datapaths: all, priority: 1, match: {{in_port: 1}}}}]\n"
)
QUOTA = "kind: quota\nname: small\ngroups: 1\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a good set of files; nothing outside of it is looked up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder_source, "SEARCHED", (*SEARCHED[:2], Path("etc/flowvisor.yaml")))
    write("deploy/flowvisor.yaml", MAIN)
    write("slices/a.yaml", SLICE.format(name="a"))
    write("policies/small.yaml", QUOTA)
    return tmp_path


def write(name: str, contents: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())


def told_about(path: str | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    return str(caught.value).splitlines()


def test_all_files_are_read_and_the_folders_are_told_in_full(root: Path) -> None:
    configuration, base = load(None)
    assert base == root / "deploy"
    assert [one.name for one in configuration.slices] == ["a"]
    assert set(configuration.policies) == {"small"}
    settings = configuration.settings
    assert (settings.state, settings.slices, settings.policies) == (
        str(root / "state"),
        str(root / "slices"),
        str(root / "policies"),
    )


def test_the_main_file_is_looked_up_in_three_places() -> None:
    assert find_main_file(None) == Path("deploy/flowvisor.yaml")
    write("flowvisor.yaml", MAIN)
    assert find_main_file(None) == Path("flowvisor.yaml")
    assert find_main_file("x.yaml") == Path("x.yaml")
    for name in ("flowvisor.yaml", "deploy/flowvisor.yaml"):
        Path(name).unlink()
    write("etc/flowvisor.yaml", MAIN)
    assert find_main_file(None) == Path("etc/flowvisor.yaml")
    assert Path("/etc/flowvisor/flowvisor.yaml") in SEARCHED


def test_without_a_main_file_the_places_are_told() -> None:
    Path("deploy/flowvisor.yaml").unlink()
    assert told_about() == [
        "flowvisor.yaml:1:1: no such file, nor deploy/flowvisor.yaml or etc/flowvisor.yaml; name one with --config"
    ]
    assert told_about("x.yaml") == ["x.yaml:1:1: the file cannot be read: No such file or directory"]


@pytest.mark.parametrize("name", [".hidden.yaml", "a.yaml~", "#a.yaml#", ".#a.yaml", "README.md", "..data"])
def test_hidden_files_and_backups_are_not_read(name: str) -> None:
    write(f"slices/{name}", "kind: nonsense")
    assert len(load(None)[0].slices) == 1


def test_a_file_that_would_be_passed_over_by_a_letter_is_told() -> None:
    write("slices/b.yml", SLICE.format(name="b"))
    assert told_about() == ["slices/b.yml:1:1: this file would not be read; call it b.yaml"]


def test_files_and_folders_may_be_links_as_kubernetes_makes_them() -> None:
    write("slices/..2026/b.yaml", SLICE.format(name="b"))
    os.symlink("..2026", "slices/..data")
    os.symlink("..data/b.yaml", "slices/b.yaml")
    assert [one.name for one in load(None)[0].slices] == ["a", "b"]


def test_bytes_that_are_not_utf_8_are_told_with_their_place_and_with_all_else() -> None:
    write("slices/b.yaml", b"kind: flowspace\nname: caf\xe9\n")
    write("policies/small.yaml", QUOTA + "x: 1\n")
    assert told_about() == [
        "policies/small.yaml:4:1: x: unknown key",
        "slices/b.yaml:2:10: byte 0xe9 is not UTF-8; save the file as UTF-8",
    ]


def test_a_byte_order_mark_does_no_harm() -> None:
    write("policies/small.yaml", b"\xef\xbb\xbf" + QUOTA.encode())
    load(None)


def test_a_folder_that_is_not_there_is_told_where_it_is_named() -> None:
    write("deploy/flowvisor.yaml", MAIN.replace("../slices", "../slcies").replace("../policies", "nowhere"))
    assert told_about() == [
        "deploy/flowvisor.yaml:2:9: slices: slcies cannot be read: No such file or directory",
        "deploy/flowvisor.yaml:3:11: policies: deploy/nowhere cannot be read: No such file or directory",
    ]


def test_without_the_policies_slices_are_not_said_to_name_any_that_there_are_not() -> None:
    write("policies/big.yml", "")
    assert told_about() == ["policies/big.yml:1:1: this file would not be read; call it big.yaml"]


def test_what_is_no_file_cannot_be_read() -> None:
    Path("slices/b.yaml").mkdir()
    assert told_about() == ["slices/b.yaml:1:1: the file cannot be read: Is a directory"]


def test_a_broken_main_file_is_told_and_other_folders_are_not_guessed() -> None:
    write("deploy/flowvisor.yaml", "listen: {")
    assert [line.partition(": ")[0] for line in told_about()] == ["deploy/flowvisor.yaml:2:1"]


def test_problems_in_folders_and_in_files_are_told_together() -> None:
    write("deploy/flowvisor.yaml", MAIN.replace("../slices", "none") + "x: 1\n")
    assert [line.partition(": ")[0] for line in told_about()] == [
        "deploy/flowvisor.yaml:2:9",
        "deploy/flowvisor.yaml:5:1",
    ]


def test_a_folder_with_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_source, "MAX_FILES", 1)
    write("slices/b.yaml", SLICE.format(name="b"))
    assert told_about() == ["deploy/flowvisor.yaml:2:9: slices: slices holds more than 1 files"]


def test_a_file_that_is_too_long_is_not_read_to_its_end() -> None:
    with open("slices/b.yaml", "wb") as stream:
        stream.truncate(1 << 40)  # a terabyte that takes no space
    assert told_about() == [f"slices/b.yaml:1:1: the file has more than {MAX_FILE_CHARACTERS} characters"]


def test_files_outside_of_the_working_directory_are_told_in_full(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("slices/b.yaml", "")
    monkeypatch.chdir(root / "deploy")
    assert told_about("flowvisor.yaml") == [f"{root}/slices/b.yaml:1:1: the file is empty"]


TLS = "tls: {private_key: keys/main-key.pem, certificate: keys/main-cert.pem, ca: keys/main-ca.pem}\n"


def test_keys_and_certificates_are_read_too_and_what_is_wrong_with_them_is_told(tmp_path: Path) -> None:
    for name in ("slices", "policies", "keys"):
        (tmp_path / name).mkdir(exist_ok=True)
    ca = authority("ca")
    main = tmp_path / "main.yaml"
    main.write_text("listen: ['pssl:6653']\n" + TLS)
    issue("main", ca).write(tmp_path / "keys", "main", ca=ca)
    configuration, _ = load(main)
    assert configuration.settings.tls is not None
    assert configuration.settings.tls.ca is not None
    assert configuration.settings.tls.ca.path == str(tmp_path / "keys" / "main-ca.pem")

    issue("other", ca).write(tmp_path / "keys", "main")
    (tmp_path / "keys" / "main-ca.pem").unlink()
    (tmp_path / "keys" / "main-cert.pem").write_bytes(ca.certificate_pem)
    with pytest.raises(ConfigurationError) as caught:
        load(main)
    assert [(one.line, one.column, one.key) for one in caught.value.problems] == [
        (2, 20, "private_key"),
        (2, 76, "ca"),
    ]


def test_keys_that_no_connection_needs_are_not_looked_for(tmp_path: Path) -> None:
    for name in ("slices", "policies"):
        (tmp_path / name).mkdir(exist_ok=True)
    main = tmp_path / "main.yaml"
    main.write_text("listen: ['ptcp:6653']\n" + TLS)
    load(main)


def test_files_can_be_read_as_if_one_had_been_changed() -> None:
    for key, name, text, slices in (
        ("slices", "b.yaml", SLICE.format(name="b"), ["a", "b"]),
        ("slices", "a.yaml", None, []),
        ("slices", "a.yaml", SLICE.format(name="a"), ["a"]),
    ):
        assert [one.name for one in load(None, change=FileChange(key, name, text))[0].slices] == slices
    with pytest.raises(ConfigurationError, match='no policy "small"'):
        load(None, change=FileChange("policies", "small.yaml", None))
    with pytest.raises(ConfigurationError, match=r"slices/b\.yaml:1:1"):
        load(None, change=FileChange("slices", "b.yaml", "kind: flowspace\n"))
    assert [one.name for one in load(None)[0].slices] == ["a"]
