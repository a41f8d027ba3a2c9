"""Who may use what listens on a port: people with passwords, programs with bearer tokens, each with a role.

The users file is YAML. It holds hashes only, so whoever reads it learns no password and no token::

    users:
      alice: {role: operator, password: "scrypt:16384:8:1:<salt>:<hash>"}
    tokens:
      - {name: dashboard, role: viewer, sha256: "<64 hexadecimal digits>"}

A viewer sees everything. An operator also gives feedback and says which documents are standards. An admin also does
what cannot be undone or changes a program: removes documents, reloads the configuration. Passwords are hashed by scrypt
(RFC 7914), which is slow on purpose; tokens are long random strings, for which one SHA-256 is enough.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import scrypt, sha256
from hmac import compare_digest
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.errors import ConfigError

COST, BLOCK, PARALLEL = 1 << 14, 8, 1
_MAX_MEMORY = 64 << 20


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
    password: str = Field(pattern=r"^scrypt:\d{1,8}:\d{1,3}:\d{1,3}:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$")


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
        right = verify_password(password, user.password if user else _DECOY)
        return Account(name, user.role) if user is not None and right else None

    def by_token(self, token: str) -> Account | None:
        """Return the account of a bearer token, None for an unknown token."""
        return self.tokens.get(sha256(token.encode()).hexdigest())


def read_accounts(path: Path, key: str = "console.users") -> Accounts:
    """Read the users file that `key` of the configuration names.

    Raises ConfigError with every problem; no problem contains a hash.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        read = _UsersFile.model_validate(tree or {})
    except OSError as error:
        raise ConfigError([f"{key}: {path}: {error.strerror}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError([f"{key}: {path} is not YAML"]) from None
    except ValidationError as error:
        places = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors(include_input=False)]
        problems = [f"{key}: {path}: {place}: {message}" for place, message in places]
        raise ConfigError(problems) from None
    if not read.users and not read.tokens:
        raise ConfigError([f"{key}: {path} holds neither users nor tokens"])
    return Accounts(read.users, {token.sha256: Account(token.name, token.role) for token in read.tokens})


def hash_password(password: str) -> str:
    """Return a password's hash as the users file holds it."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{b64encode(salt).decode()}:{b64encode(_hash(password, salt)).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Return whether `stored` is a hash of `password`. Takes about 50 ms of CPU time."""
    _, cost, block, parallel, salt, expected = stored.split(":")
    try:
        actual = _hash(password, b64decode(salt), int(cost), int(block), int(parallel))
        return compare_digest(actual, b64decode(expected))
    except ValueError:  # costs that scrypt refuses, or invalid base64
        return False


def _hash(password: str, salt: bytes, cost: int = COST, block: int = BLOCK, parallel: int = PARALLEL) -> bytes:
    return scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MAX_MEMORY, dklen=32)


_DECOY = hash_password(secrets.token_hex())
"""Compared with the password of an unknown user, so that unknown and known names take equally long."""
