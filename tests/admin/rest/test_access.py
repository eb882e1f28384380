"""Who asks is known by a token, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowvisor.admin.rest.access import Access, access_of
from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.token_file import TokenFile


def test_the_admin_may_see_all_and_a_tenant_its_own() -> None:
    admin, blue = Access("a"), Access("b", "blue")
    assert (admin.is_admin, blue.is_admin) == (True, False)
    assert [one.may_see(name) for one in (admin, blue) for name in ("blue", "red")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_token_is_who_has_it(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "tokens.yaml")
    text = tokens.create("dashboard", "blue")
    for sent in (f"Bearer {text}", f"bearer  {text} "):
        assert access_of(sent, tokens) == Access("dashboard", "blue")


@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer x", "Basic YWRtaW46YWRtaW4=", "fv.a." + "A" * 43]
)
def test_nothing_else_is(tmp_path: Path, sent: str | None) -> None:
    tokens = TokenFile(tmp_path / "tokens.yaml")
    tokens.create("a", None)
    for file in (tokens, None):
        with pytest.raises(Refused) as refused:
            access_of(sent, file)
        assert refused.value.status == 401
        assert refused.value.headers["www-authenticate"].startswith("Bearer")
