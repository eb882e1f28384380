"""Who may ask what: everybody, whoever has a token, or the admin only."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import Final

from attrs import frozen

from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.token_file import TokenFile

_SCHEME: Final = "bearer"
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="flowvisor"'}


class Audience(Enum):
    """For whom a route is."""

    EVERYBODY = "everybody"
    TENANTS = "tenants"  # and the admin; what is somebody else's is not there for a tenant
    ADMIN = "admin"


@frozen
class Access:
    """Who asks. `slice` is the tenant's, None the admin's, who may know of all."""

    token: str
    slice: str | None = None

    @property
    def is_admin(self) -> bool:
        """May it see and change everything?"""
        return self.slice is None

    def may_see(self, slice_name: str) -> bool:
        """May it know that there is this slice?"""
        return self.slice is None or self.slice == slice_name


def access_of(authorization: str | None, tokens: TokenFile | None) -> Access:
    """Who has sent this header; raises Refused."""
    if tokens is None:
        told = "nobody has a token: flowvisor.yaml names no file for them; write tokens: FILE"
        raise Refused(HTTPStatus.UNAUTHORIZED, told, headers=_CHALLENGE)
    if authorization is None:
        told = "send a token, as Authorization: Bearer TOKEN; flowvisor token create makes one"
        raise Refused(HTTPStatus.UNAUTHORIZED, told, headers=_CHALLENGE)
    scheme, _, text = authorization.partition(" ")
    token = tokens.holder_of(text.strip()) if scheme.lower() == _SCHEME else None
    if token is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "this is not a token of ours", headers=_CHALLENGE)
    return Access(token.name, token.slice)
