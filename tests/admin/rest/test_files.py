"""A file is told as JSON, and has a tag that changes when it does."""

from __future__ import annotations

from pathlib import Path

import attrs

from flowvisor.admin.rest.files import path_of, read_file
from tests.support.world import configuration


def test_a_file_is_json_in_which_only_what_looks_like_a_number_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text('a: 1\nb: "1"\nc: 01\nd: on\ne: [x, {f: 0x1}]\ng:\nh: 11:22:33:44:55:66\ni: 1.5\nj: ""\n')
    file = read_file(path)
    assert file is not None
    assert file.document == {
        **{"a": 1, "b": "1", "c": "01", "d": "on", "e": ["x", {"f": "0x1"}], "g": None},
        **{"h": "11:22:33:44:55:66", "i": "1.5", "j": ""},
    }


def test_the_tag_is_another_when_anything_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    tags = []
    for text in ("a: 1\n", "a: 1 # why\n", "a: 1\n"):
        path.write_text(text)
        file = read_file(path)
        assert file is not None
        tags.append(file.etag)
    assert tags[0] == tags[2] != tags[1]
    assert tags[0][0] == tags[0][-1] == '"'


def test_what_is_not_there_or_not_yaml_is_told_so(tmp_path: Path) -> None:
    assert read_file(tmp_path / "none.yaml") is None
    (tmp_path / "bad.yaml").write_bytes(b"a: [\xff")
    bad = read_file(tmp_path / "bad.yaml")
    assert bad is not None
    assert bad.document is None


def test_a_file_is_called_like_what_is_in_it() -> None:
    settings = attrs.evolve(configuration().settings, slices="/s", policies="/p")
    assert path_of(settings, "slices", "a") == Path("/s/a.yaml")
    assert path_of(settings, "policies", "b") == Path("/p/b.yaml")
