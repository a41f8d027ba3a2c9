"""Users, tokens and sessions."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from daemon.adapters.web.accounts import Account, Role, hash_password, read_accounts, verify_password
from daemon.console.logins import LIFETIME_S, MOST, Logins
from daemon.errors import ConfigError

ADA = Account("ada", Role.OPERATOR)


def users_file(folder: Path, text: str) -> Path:
    path = folder / "users.yaml"
    path.write_text(text)
    return path


def test_a_hash_is_of_one_password() -> None:
    """The same password has another hash each time, and only that password fits."""
    one, other = hash_password("correct horse"), hash_password("correct horse")

    assert one != other
    assert [True, False] == [verify_password(text, one) for text in ("correct horse", "correct house")]


def test_accounts_are_found_by_password_and_token(tmp_path: Path) -> None:
    """Name and password, or a token, give the account; anything else gives none."""
    token = sha256(b"s3cret").hexdigest()
    text = f"users:\n  ada: {{role: operator, password: '{hash_password('pw')}'}}\ntokens:\n"
    accounts = read_accounts(users_file(tmp_path, f"{text}- {{name: board, role: viewer, sha256: {token}}}\n"))

    assert ADA == accounts.by_password("ada", "pw")
    assert [None, None] == [accounts.by_password("ada", "PW"), accounts.by_password("eve", "pw")]
    assert Account("board", Role.VIEWER) == accounts.by_token("s3cret")
    assert accounts.by_token("s3cre") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "neither users nor tokens"),
        ("users: [", "is not YAML"),
        ("users:\n  ada: {role: operator, password: hunter2}", "users.ada.password"),
        ("users:\n  ada: {role: root, password: 'scrypt:16384:8:1:YQ==:YQ=='}", "users.ada.role"),
        ("tokens:\n- {name: x, role: viewer, sha256: abc}", "tokens.0.sha256"),
        ("people: {}", "people"),
    ],
)
def test_a_wrong_users_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """The problem names the place and repeats no secret."""
    with pytest.raises(ConfigError, match=problem) as caught:
        read_accounts(users_file(tmp_path, text))

    assert "hunter2" not in str(caught.value)


def test_a_session_ends_by_itself_and_by_logging_out() -> None:
    """A cookie counts until it expires or its session is ended; the file of cookies is bounded."""
    logins = Logins()
    cookie, login = logins.begin(ADA, now=0.0)
    other, _ = logins.begin(ADA, now=1.0)

    assert login == logins.find(cookie, LIFETIME_S - 1)
    assert logins.find(cookie, LIFETIME_S) is None
    logins.end(other)
    assert logins.find(other, 2.0) is None


def test_sessions_are_bounded() -> None:
    """When there are too many, the oldest ends."""
    logins = Logins()
    first, _ = logins.begin(ADA, now=0.0)
    last = [logins.begin(ADA, now=0.0)[0] for _ in range(MOST)][-1]

    assert logins.find(first, 1.0) is None
    assert logins.find(last, 1.0) is not None
