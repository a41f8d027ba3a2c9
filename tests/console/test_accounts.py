"""Users, tokens and sessions."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import bcrypt
import pytest

from daemon.adapters.web.accounts import Account, Role, read_accounts
from daemon.adapters.web.passwords import hash_password, verify_password
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


HTPASSWD = "$2y$05$m31L/cNdxMyWEAQKOEqAjODuzxwGUIRilC3TlQDX8Wf4aXmbjAEAy"
"""What `htpasswd -nbB ada 'correct horse'` printed (Apache 2.4)."""


def test_a_hash_of_htpasswd_is_verified(tmp_path: Path) -> None:
    """A bcrypt hash from an htpasswd file gives the account for its password alone, and for no other name."""
    accounts = read_accounts(users_file(tmp_path, f"users: {{ada: {{role: operator, password: '{HTPASSWD}'}}}}"))

    assert ADA == accounts.by_password("ada", "correct horse")
    assert [None, None] == [accounts.by_password(*one) for one in (("ada", "correct house"), ("eve", "correct horse"))]


def test_bcrypt_reads_72_bytes_of_a_password() -> None:
    """A long password fits its bcrypt hash, as does whatever begins with the same 72 bytes."""
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert [True, True, False] == [verify_password("x" * length, stored) for length in (72, 100, 71)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("users: [", ":1:9"),
        ("users: {ada: 2020-99-99}", ""),
        ("tokens: !!int scrypt:hunter2", ""),
        ("users: " + "[" * 3000, ""),
        ("users: {ada: {role: admin}, ada: {role: admin}}", ":1:29"),
        ("users: &a [*a]", ""),
        ("users: \x00", ""),
    ],
)
def test_what_is_no_users_file_is_one_sentence(tmp_path: Path, text: str, place: str) -> None:
    """Whatever PyYAML raises, the place is named where one is known, and nothing of the text is repeated."""
    path = users_file(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        read_accounts(path, "http.users")
    assert [f"http.users: {path}{place} is not YAML"] == refused.value.problems


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ("$apr1$Zx3yPQ1y$bqBzLT6YwOYpNE6s1CFgE1", "Apache's MD5"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
        ("$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr", "SHA-512 of crypt"),
        ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "SHA-256 of crypt"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "Argon2"),
        ("$2y$05$m31L/cNdxMyWEAQKOEqA", "bcrypt, cut off"),
        ("scrypt:16384:8:1:YQ==", "scrypt, but cut off"),
        ("hunter2", "not a hash that is known here"),
    ],
)
def test_other_hashes_are_refused_by_their_kind(tmp_path: Path, stored: str, kind: str) -> None:
    """The problem names the place, the kind and the verb that makes the right one, and repeats no hash."""
    with pytest.raises(ConfigError, match=re.escape(kind)) as caught:
        read_accounts(users_file(tmp_path, f"users: {{ada: {{role: operator, password: '{stored}'}}}}"))

    assert "users.ada.password" in str(caught.value)
    assert "strayline console --hash-password" in str(caught.value)
    assert stored not in str(caught.value)


def test_a_bcrypt_hash_of_any_cost_is_not_verified(tmp_path: Path) -> None:
    """A cost that would keep a core busy for minutes is refused at the start."""
    dear = HTPASSWD.replace("$05$", "$20$")
    with pytest.raises(ConfigError, match="bcrypt hash of cost 20"):
        read_accounts(users_file(tmp_path, f"users: {{ada: {{role: operator, password: '{dear}'}}}}"))


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
    assert (MOST, 1) == (len(logins), logins.let_go)
