"""Two hundred canaries of twenty kinds, and what must not be taken for one."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daemon.core.masking.hints import HINTS
from daemon.core.masking.length import CUT, MAX_TEXT
from daemon.core.masking.masker import Masker
from daemon.core.masking.personal_data import CARD, EMAIL, IP
from daemon.core.masking.redaction import RedactionSettings, redact, redact_column
from daemon.core.masking.rule_forms import SECRET
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA

ALNUM = string.ascii_letters + string.digits


def letters(chance: random.Random, size: int, alphabet: str = ALNUM) -> str:
    """Return random characters, a letter and a digit among them."""
    return (
        "".join(chance.choices(alphabet, k=size - 2)) + "a7"
        if "a" in alphabet
        else "".join(chance.choices(alphabet, k=size))
    )


ANYWHERE = (
    "{}",
    "got {} from the vault",
    "token={}",
    '{{"data": "{}"}}',
    '"{{\\"data\\":\\"{}\\"}}"',
    "data%3D{}%26more%3D1",
    "GET /cb?state={}&x=1 HTTP/1.1",
    "first line\\n{}\\nlast",
    "[{}]",
    "sent '{}'; done",
)
NAMED = (
    "{n}={c} next",
    '{{"{n}": "{c}", "user": "bob"}}',
    '"{{\\"{n}\\":\\"{c}\\"}}"',
    "a=1&{n}%3D{c}",
    "{n}: {c}",
    "MY_{n}='{c}' run",
    "run --{n} {c} --fast",
    "run --{n}={c}",
    '{n} => "{c}"',
    "<{n}>{c}</{n}>",
)


def named(name: str, secret: Callable[[random.Random], str]) -> Callable[[random.Random], Iterator[tuple[str, str]]]:
    def plant(chance: random.Random) -> Iterator[tuple[str, str]]:
        for template in NAMED:
            canary = secret(chance)
            yield canary, template.format(n=name, c=canary)

    return plant


def anywhere(secret: Callable[[random.Random], str]) -> Callable[[random.Random], Iterator[tuple[str, str]]]:
    return within(ANYWHERE, secret)


def within(
    templates: tuple[str, ...], secret: Callable[[random.Random], str]
) -> Callable[[random.Random], Iterator[tuple[str, str]]]:
    def plant(chance: random.Random) -> Iterator[tuple[str, str]]:
        for template in templates:
            canary = secret(chance)
            yield canary, template.format(canary)

    return plant


HEADER = (
    "{h}: {{}}",
    "{h}:{{}} ",
    '{{{{"{h}": "{{}}"}}}}',
    '"{{{{\\"{h}\\":\\"{{}}\\"}}}}"',
    "> {h}: {{}}",
    "curl -H '{h}: {{}}' http://h/",
    'curl -H "{h}: {{}}" http://h/',
    "headers=[('{h}', 1), {h}={{}}]",
    "{h}%3A%20{{}}",
    "request {h} => '{{}}'",
)


def header(name: str) -> tuple[str, ...]:
    return tuple(template.format(h=name) for template in HEADER)


URLS = (
    "postgres://bob:{}@db/shop",
    "connecting to https://bob:{}@example.com:8443/x?y=1",
    "redis://:{}@cache:6379/0",
    "amqp://bob:{}@mq//",
    '{{"url": "mongodb+srv://bob:{}@c0.example.net/x"}}',
    '"{{\\"dsn\\":\\"mysql://bob:{}@h/d\\"}}"',
    "redirect=https%3A%2F%2Fbob%3A{}%40example.com%2F",
    "git clone 'https://{}@github.com/o/r.git'",
    "proxy=http://bob:{}@10.0.0.1:3128",
    "jdbc:mysql://h/d?user=bob&password={}",
)
CONNECTION = (
    "Server=db;User Id=sa;Password={};Encrypt=yes",
    "Data Source=h;uid=sa;pwd={}",
    "host=db user=bob password={} dbname=x",
    "DefaultEndpointsProtocol=https;AccountName=n;AccountKey={}==;EndpointSuffix=x",
    "Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey={}=",
    'sasl.jaas.config=PlainLoginModule required username="u" password="{}";',
    "mysql -u root -p{} shop",
    "mysqldump -u root -p {} shop",
    "sshpass -p {} ssh host",
    "curl -u bob:{} https://h/",
)
KEY = "-----BEGIN {k} KEY-----{s}{c}{s}{c}{s}-----END {k} KEY-----"


def private_keys(chance: random.Random) -> Iterator[tuple[str, str]]:
    for kind in ("RSA PRIVATE", "EC PRIVATE", "PRIVATE", "OPENSSH PRIVATE", "ENCRYPTED PRIVATE"):
        for gap in ("\n", "\\n"):
            canary = letters(chance, 64)
            yield canary, "key " + KEY.format(k=kind, s=gap, c=canary) + " read"


def cards(chance: random.Random) -> Iterator[tuple[str, str]]:
    for template in ANYWHERE:
        body = [int(digit) for digit in chance.choice(("4", "51", "37", "6011")) + letters(chance, 11, string.digits)]
        body += [0] * (14 - len(body)) if body[0] == 3 else [1] * (15 - len(body))
        doubled = sum(
            digit if at % 2 else (digit * 2 - 9 if digit > 4 else digit * 2) for at, digit in enumerate(reversed(body))
        )
        canary = "".join(map(str, [*body, -doubled % 10]))
        yield canary, template.replace("token=", "card ").replace("data", "pan").format(canary)


def jwt(chance: random.Random) -> str:
    return f"eyJ{letters(chance, 20)}.eyJ{letters(chance, 30)}.{letters(chance, 43)}"


KINDS: dict[str, Callable[[random.Random], Iterator[tuple[str, str]]]] = {
    "password": named("password", lambda chance: letters(chance, 9)),
    "secret": named("client_secret", lambda chance: letters(chance, 20)),
    "token": named("access_token", lambda chance: letters(chance, 24)),
    "api key": named("api-key", lambda chance: letters(chance, 24)),
    "AWS secret": named("aws_secret_access_key", lambda chance: letters(chance, 40)),
    "bearer": within(header("Authorization"), lambda chance: f"Bearer {letters(chance, 30)}"),
    "basic": within(header("Proxy-Authorization"), lambda chance: f"Basic {letters(chance, 22)}=="),
    "cookie": within(header("Cookie"), lambda chance: f"sid={letters(chance, 20)}"),
    "set-cookie": within(header("Set-Cookie"), lambda chance: f"auth={letters(chance, 20)}"),
    "URL": within(URLS, lambda chance: letters(chance, 18)),
    "connection string": within(CONNECTION, lambda chance: letters(chance, 20)),
    "JWT": anywhere(jwt),
    "AWS id": anywhere(lambda chance: "AKIA" + letters(chance, 16, string.ascii_uppercase + string.digits)),
    "Google": anywhere(lambda chance: "AIza" + letters(chance, 35)),
    "GitHub and GitLab": anywhere(
        lambda chance: chance.choice(("ghp_", "gho_", "glpat-", "github_pat_")) + letters(chance, 36)
    ),
    "Slack": anywhere(lambda chance: "xoxb-" + letters(chance, 12, string.digits) + "-" + letters(chance, 24)),
    "Stripe": anywhere(lambda chance: chance.choice(("sk_live_", "rk_test_")) + letters(chance, 24)),
    "npm and OpenAI": anywhere(
        lambda chance: chance.choice(("npm_", "sk-proj-", "sk-ant-", "hf_")) + letters(chance, 36)
    ),
    "private key": private_keys,
    "card": cards,
}


def secret_of(canary: str) -> str:
    """Return the part of a canary that nobody may see: not the scheme or the cookie's name."""
    return canary.removeprefix("Bearer ").removeprefix("Basic ").removeprefix("sid=").removeprefix("auth=")


@pytest.mark.parametrize("kind", KINDS)
def test_canaries(kind: str) -> None:
    """Ten canaries of each kind, in plain, quoted, escaped and encoded text, all vanish."""
    planted = list(KINDS[kind](random.Random(kind)))
    leaks = [text for canary, text in planted if secret_of(canary) in redact(text)]

    assert 10 == len(planted)
    assert [] == leaks


def test_a_dashed_card_goes() -> None:
    """Card numbers are known in groups, and only if their check digit is right."""
    assert f"{CARD} {CARD} 4111-1111-1111-1112" == redact("4111 1111 1111 1111 4111-1111-1111-1111 4111-1111-1111-1112")


@pytest.mark.parametrize(
    "text",
    [
        "Failed password for invalid user admin from 10.0.0.1 port 22 ssh2",
        "authentication failure; logname= uid=0 euid=0 tty=ssh",
        "Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106 dest: /10.250.19.102:50010",
        "max_tokens=512 total_tokens: 900 keys=5 key=user:5 monkey=1",
        "Bearer authentication is required; basic checks passed",
        "session opened for user root by (uid=0)",
        "GET https://example.com:8443/a/b?c=d 200 12ms",
        "checksum sha256 of 1234567890123456 is fine, 17 secrets rotated",
        "token bucket refilled",
        "Ключ принят, 密码 已更改",
        "",
    ],
)
def test_clean_lines_stay(text: str) -> None:
    """Lines that speak of secrets without holding one are left alone."""
    assert text == redact(text)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=hunter2 for bob", "password=<SECRET> for bob"),
        ('{"user":"bob","password":"hun \\"ter\\" 2","n":1}', '{"user":"bob","password":<SECRET>,"n":1}'),
        ("postgres://bob:hunter2@db/shop", "postgres://bob:<SECRET>@db/shop"),
        ("Authorization: Bearer abc.def-1 from 10.0.0.1", "Authorization: Bearer <SECRET> from 10.0.0.1"),
        ("Cookie: a=b; c=d", "Cookie: <SECRET>"),
    ],
)
def test_what_is_left_still_tells(text: str, redacted: str) -> None:
    """Only the secret goes; what was there and around it stays."""
    assert redacted == redact(text)


def test_emails_and_addresses_by_choice() -> None:
    """E-mail addresses go unless told otherwise, IP addresses only if told."""
    text = "mail bob.x+y@mail.example.com from 10.0.0.1 and fe80::1:2"

    assert f"mail {EMAIL} from 10.0.0.1 and fe80::1:2" == redact(text)
    assert f"mail {EMAIL} from {IP} and {IP}" == redact(text, RedactionSettings(emails=True, ips=True))
    assert text == redact(text, RedactionSettings(emails=False))


texts = st.text(max_size=40) | st.lists(
    st.sampled_from(
        [
            "password",
            "=",
            ":",
            '"',
            "'",
            "\\",
            " ",
            "<SECRET>",
            "token",
            "://",
            "@",
            "Bearer ",
            "a1b2c3d4e5",
            "%3D",
            "Cookie",
            "\n",
            "4111111111111111",
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(texts)
def test_redaction_settles(text: str) -> None:
    """Redacting what is redacted changes nothing that matters: no new text appears, and it ends after a second pass."""
    once = redact(text)

    assert redact(redact(once)) == redact(once)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=12))
def test_a_line_is_redacted_the_same_alone_and_in_a_column(lines: list[str]) -> None:
    """What becomes of a line does not depend on its neighbours."""
    column = redact_column(pl.Series(lines, dtype=pl.String), RedactionSettings())

    assert [redact(line) for line in lines] == column.to_list()


@settings(max_examples=100, deadline=None)
@given(
    st.text(ALNUM, min_size=12, max_size=30),
    st.sampled_from(["password", "secret", "api_key", "db.passwd", "X-Auth-Token", "PGPASSWORD"]),
    st.sampled_from(["=", ": ", ":", " = ", "%3D", '="', "='", '":"', '\\":\\"', '": "']),
    st.text(max_size=20),
)
def test_a_named_value_never_survives(secret: str, name: str, between: str, before: str) -> None:
    """Whatever stands before it, a value behind a name for a secret goes."""
    assume(secret not in before)

    assert secret not in redact(f"{before} {name}{between}{secret}")


def lines_of(texts: list[str], *, one_record: bool) -> pl.DataFrame:
    rows = [
        (position_of(0, at + 1) if one_record else position_of(at), 0, "s", "k", text, 0)
        for at, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row")


@pytest.mark.parametrize("one_record", [True, False])
def test_a_private_key_on_many_lines(one_record: bool) -> None:
    """The lines of a private key go, whether one record holds them or each is a record."""
    chance = random.Random(1)
    body = [letters(chance, 64) for _ in range(5)] + [letters(chance, 21) + "=="]
    text = ["before", "-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----", "after"]
    masked = Masker().apply(lines_of(text, one_record=one_record))
    left = "\n".join(masked["text"].to_list())

    assert [] == [line for line in body if line in left]
    assert (left.startswith("before"), left.endswith("after")) == (True, True)
    assert (masked["text"][1], masked["text"][2]) == (SECRET, SECRET)


@pytest.mark.parametrize("level", ["", "INFO ", "warn ", "30 "])
def test_a_line_of_a_private_key_behind_its_level(level: str) -> None:
    """A line of a key that is a record of its own goes also where its format put the level in front."""
    chance = random.Random(2)

    assert f"{level}{SECRET}" == redact(level + letters(chance, 64))
    assert f"{level}{SECRET}" == redact(level + letters(chance, 30) + "==")
    assert f"{level}{SECRET}" != redact(level + "started")


@pytest.mark.parametrize("level", ["", "INFO "])
def test_a_short_last_line_of_a_private_key(level: str) -> None:
    """The end of a key, a record of its own without padding, goes; a word or a path alone on its line stays."""
    ends = ("x4vP0cTqE9nK", "q3Zr9kTbV0xW7Lh+", "bG9uZyBlbm91Z2ggdG8gYmUgc2Vl", "9Ji/2pWqE4nTz1CvY8sKdLmXo5Ru")
    words = (
        "CoordinatorStarted",
        "getUserPreferences",
        "/var/log/SleepWakeStacks",
        "4f3c2a9b8d7e6f5a4b3c2d1e",
        "RETRYING",
    )

    assert [f"{level}{SECRET}"] * len(ends) == [redact(level + end) for end in ends]
    assert [level + word for word in words] == [redact(level + word) for word in words]


def test_a_secret_at_the_cut() -> None:
    """A line is cut after it is redacted, so no half of a secret is left at the cut, wherever the cut falls."""
    for filler in (MAX_TEXT - 20, 2 * MAX_TEXT - 20, 2 * MAX_TEXT - 600):
        text = Masker().apply(
            lines_of(["x " * (filler // 2) + "key AKIAABCDEFGHIJKLMNOP more " * 200], one_record=False)
        )["text"][0]

        assert "AKIA" not in text
        assert text.endswith(CUT)
        assert len(text) <= MAX_TEXT


def test_secrets_in_keys_go_and_keys_stay_apart() -> None:
    """A key or scope that holds a secret is hidden, two of them stay two, and ordinary ids are left alone."""
    keys = ["token=abcdef123456", "token=abcdef123457", "bob@example.com", "blk_-5471189807977280", "10.0.0.1", "r-17"]
    rows = [(position_of(at), 0, key, key, "x", 0) for at, key in enumerate([*keys, keys[0]])]
    found = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))

    for names in (found["scope"].to_list(), found["key"].to_list()):
        assert len(keys) == len(set(names))
        assert names[0] == names[-1]
        assert not any("abcdef" in name or "bob" in name for name in names)
        assert keys[3:] == names[3:-1]


def test_no_hint_reaches_into_a_uuid() -> None:
    """A UUID by itself may give way to its placeholder before hints are looked for: none begins or ends inside one."""
    inside = re.compile(r"[0-9a-f-]+", re.IGNORECASE)
    for hint in HINTS:
        reaching_in = [hint[at + 1 :] for at, char in enumerate(hint) if char in " \"'=/,([{"]
        reaching_out = [hint[:at] for at, char in enumerate(hint) if not (char.isalnum() or char == "_")]
        assert [] == [part for part in reaching_in + reaching_out if inside.fullmatch(part)], hint
    reaching = sorted(hint for hint in HINTS if inside.fullmatch(hint))
    assert ["2fa", "acca", "eaaa"] == reaching  # their rules ask for a word behind it, or for 20 characters in a row


def test_the_digits_of_a_uuid_are_no_card() -> None:
    """Digits that would pass for a card stay in a UUID, and go beside it."""
    uuid, card = "41111111-1111-1111-a165-70867728950e", "4111 1111 1111 1111"

    assert f"{uuid} paid with <CARD>" == redact(f"{uuid} paid with {card}")
