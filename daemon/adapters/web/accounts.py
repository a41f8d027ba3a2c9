"""Who may use what listens on a port: people with passwords, programs with bearer tokens, each with a role.

The users file is YAML. It holds hashes only, so whoever reads it learns no password and no token::

    users:
      alice: {role: operator, password: "scrypt:16384:8:1:<salt>:<hash>"}
    tokens:
      - {name: dashboard, role: viewer, sha256: "<64 hexadecimal digits>"}

A viewer sees everything. An operator also gives feedback and says which documents are standards. An admin also does
what cannot be undone or changes a program: removes documents, reloads the configuration. Passwords are hashed by scrypt
(RFC 7914) or bcrypt, which are slow on purpose; tokens are long random strings, for which one SHA-256 is enough.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from daemon.adapters.web.passwords import check_hash, hash_password, verify_password
from daemon.errors import ConfigError
from daemon.small_files import read_small
from daemon.strict_yaml import YamlError, parse_yaml


class Role(StrEnum):
    """What an account may do: whatever the roles before it may, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Return whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """A person or a program that has proved who it is."""

    name: str
    role: Role


class _User(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    role: Role
    password: Annotated[str, AfterValidator(check_hash)]


class _Token(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=100)
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _UsersFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    users: dict[str, _User] = {}
    tokens: list[_Token] = []


@dataclass(frozen=True, slots=True)
class Accounts:
    """All accounts of a users file."""

    users: Mapping[str, _User] = field(default_factory=dict, repr=False)
    tokens: Mapping[str, Account] = field(default_factory=dict, repr=False)

    def has(self, account: Account) -> bool:
        """Return whether a person of this name still has this role."""
        user = self.users.get(account.name)
        return user is not None and user.role is account.role

    def role_of(self, name: str) -> Role | None:
        """Return the role of a person, None for an unknown name."""
        user = self.users.get(name)
        return user.role if user is not None else None

    def by_password(self, name: str, password: str) -> Account | None:
        """Return the account, None for a wrong name or password. An unknown name takes as long as a known one."""
        user = self.users.get(name)
        right = verify_password(password, user.password if user else self._decoy(name))
        return Account(name, user.role) if user is not None and right else None

    def _decoy(self, name: str) -> str:
        """Return what the password of an unknown name is compared with: the hash of a user, always the same for a name.

        So the time shows nothing, whatever kinds and costs the hashes of the file have.
        """
        hashes = [user.password for user in self.users.values()] or [_DECOY]
        return hashes[int.from_bytes(blake2b(name.encode(), key=_KEY).digest()) % len(hashes)]

    def by_token(self, token: str) -> Account | None:
        """Return the account of a bearer token, None for an unknown token."""
        return self.tokens.get(sha256(token.encode()).hexdigest())


def read_accounts(path: Path, key: str = "console.users") -> Accounts:
    """Read the users file that `key` of the configuration names.

    Raises ConfigError with every problem; no problem contains a hash.
    """
    try:
        tree = parse_yaml(read_small(path).decode())
        read = _UsersFile.model_validate(tree or {})
    except OSError as error:
        raise ConfigError([f"{key}: {path}: {error.strerror}"]) from None
    except YamlError as error:  # its message may repeat a hash
        raise ConfigError([f"{key}: {path}{':' * bool(error.place)}{error.place} is not YAML"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{key}: {path} is not YAML"]) from None
    except ValidationError as error:
        places = [
            (".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, "))
            for each in error.errors(include_input=False)
        ]
        problems = [f"{key}: {path}: {place}: {message}" for place, message in places]
        raise ConfigError(problems) from None
    if not read.users and not read.tokens:
        raise ConfigError([f"{key}: {path} holds neither users nor tokens"])
    return Accounts(read.users, {token.sha256: Account(token.name, token.role) for token in read.tokens})


_KEY = secrets.token_bytes(32)
_DECOY = hash_password(secrets.token_hex())
