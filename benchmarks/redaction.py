"""How much redaction finds, what it hides wrongly, and what it costs: recall by kind, false hides, time a line.

    python -m benchmarks.redaction [--each 20] [--seed 1] [--list FILE] [--logs FOLDER]

The corpus is made here: every kind has templates and a grammar for its secrets, filled with random characters. A secret
counts as hidden only if nothing of it comes out: no six characters in a row that the template does not hold anyway.
`--list` reads a corpus instead: lines of a name, a tab and a text. What stands between the brackets of a text is
secret, a text without brackets must come out as it is, and in texts whose name begins with ``*`` the two characters
``\\n`` are a line feed. `--logs` reads `.log` and `.log.xz` files for the cost: CPU time of redaction and masks, the
best of three, at first and again: when the same lines come a second time, their shapes are known.
"""

from __future__ import annotations

import argparse
import lzma
import random
import re
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from daemon.core.masking import Masker, RedactionSettings
from daemon.core.masking.redaction import redact_column
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA

OPEN, CLOSE = "⟦", "⟧"
FRAGMENT = 6
LINES_A_BATCH = 5_000
_SECRETS = re.compile(rf"{OPEN}(.*?){CLOSE}", re.DOTALL)

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
BASE64 = ALNUM + "+/"
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits

Secret = Callable[[random.Random], str]


def chars(alphabet: str, size: int, prefix: str = "", suffix: str = "") -> Secret:
    """Return a grammar: `size` characters of an alphabet, digits among them, between a prefix and a suffix."""

    def made(chance: random.Random) -> str:
        text = "".join(chance.choices(alphabet, k=size))
        if size > 3 and alphabet.isalnum() and not alphabet.isdigit():
            text = text[:-2] + alphabet[0] + chance.choice(string.digits)
        return prefix + text + suffix

    return made


def password(chance: random.Random) -> str:
    """Return a password as people make them: a word, digits, sometimes a sign, never only a word."""
    word = chance.choice(["tiger", "horse", "summer", "dragon", "orange", "silver", "falcon", "winter", "copper"])
    sign = chance.choice(["", "", "!", "#", "$", "-", "_"])
    return chance.choice([word, word.title()]) + sign + "".join(chance.choices(string.digits, k=chance.randrange(2, 5)))


def card(chance: random.Random) -> str:
    """Return a card number with a valid check digit, in groups or not."""
    digits = chance.choice(["4", "51", "55", "2221", "2720", "6011"])
    digits += "".join(chance.choices(string.digits, k=15 - len(digits)))
    total = sum(int(d) if at % 2 else sum(divmod(2 * int(d), 10)) for at, d in enumerate(reversed(digits)))
    digits += str(-total % 10)
    return chance.choice(["", " ", "-", "."]).join(digits[at : at + 4] for at in range(0, 16, 4))


def iban(chance: random.Random) -> str:
    """Return an account number with valid check digits."""
    country, size = chance.choice([("DE", 18), ("FR", 23), ("ES", 20), ("NL", 0)])
    account = "".join(chance.choices(string.digits, k=size)) or "ABNA" + "".join(chance.choices(string.digits, k=10))
    number = "".join(str(int(char, 36)) for char in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02}{account}"


NAMES = [
    "password", "passwd", "db_password", "DB_PASSWORD", "spring.datasource.password", "client_secret",
    "clientSecret", "api_key", "apiKey", "x-api-key", "access_token", "refreshToken", "AWS_SECRET_ACCESS_KEY",
    "private_key", "secretKey", "passphrase", "pwd", "dbPass", "JWT_SECRET", "encryption_key", "PGPASSWORD",
    "redis.password", "smtpPassword", "session_id", "csrf_token", "signing-key", "webhook_secret", "otp",
    "mfa_code",
]  # fmt: skip
NAMED = (
    "{n}={s} next",
    "{n}: {s}",
    "{n} = {s}",
    '"{n}":"{s}"',
    '{{"{n}": "{s}", "user": "bob"}}',
    "{n}='{s}' run",
    '"{{\\"{n}\\":\\"{s}\\"}}"',
    "a=1&{n}={s}&b=2",
    "a=1&{n}%3D{s}",
    "run --{n} {s} --fast",
    "--{n}={s}",
    '{n} => "{s}"',
    "<{n}>{s}</{n}>",
    "[{n}] => {s}",
    "Login(user='bob', {n}='{s}')",
    '{{"{n}":("{s}").split()}}',
    '{{"name":"{n}","value":"{s}"}}',
    "EnvVar{{Name:{n},Value:{s},ValueFrom:nil,}}",
    "{n}=b'{s}'",
    "{n}=SecretStr('{s}')",
    '{{"{n}":{{"value":"{s}"}}}}',
    "export {n}={s}",
    "{n} -> {s}",
    "| {n} | {s} |",
    'env: ["PATH=/bin", "{n}={s}"]',
    "\\x1b[31m{n}\\x1b[0m={s}",
)
HEADERS = (
    "{h}: {s}",
    "> {h}: {s}",
    '{{"{h}": "{s}"}}',
    '{{"{h}":["{s}"]}}',
    "map[{h}:[{s}]]",
    "headers={{'{h}': '{s}'}}",
    "curl -H '{h}: {s}' http://h/",
    "{h}: {s}\\r\\nAccept: */*",
    "{{{h}=[{s}], Accept=[*/*]}}",
    "[ '{h}', '{s}' ]",
)
ANYWHERE = (
    "{s}",
    "using {s} now",
    "got {s}, ok",
    '{{"data": "{s}"}}',
    "state={s}&x=1",
    "line\\n{s}\\nlast",
    "[{s}]",
    "'{s}'",
)
URLS = (
    "postgres://app:{s}@db.example/shop",
    "connecting to https://bob:{s}@example.com:8443/x?y=1",
    "redis://:{s}@cache:6379/0",
    "amqps://guest:{s}@mq//",
    '{{"url": "mongodb+srv://bob:{s}@c0.example.net/x"}}',
    "proxy=http://bob:{s}@10.0.0.1:3128",
    "jdbc:mysql://h/d?user=bob&password={s}",
    "mysql://bob:x{s}@y@h/d",
)
COMMANDS = (
    "mysql -u root -p{s} shop",
    "mysqldump -uroot -p{s} shop",
    "sshpass -p {s} ssh host",
    "curl -u bob:{s} https://h/",
    "wget --user bob --password {s} https://h/",
    "ldapsearch -x -D cn=admin -w {s} -b dc=x",
    "smbclient //h/s -U bob%{s}",
    "redis-cli -a {s} ping",
    "docker login -u bob -p {s} r",
    "zip -P {s} a.zip b",
    "gpg --passphrase {s} -d x",
    "PGPASSWORD={s} psql -h db",
    "openssl rsa -passin pass:{s}",
    "aws configure set aws_secret_access_key {s}",
)
PROTOCOLS = (
    "AUTH {s}",
    "AUTH default {s}",
    "> PASS {s}",
    "a1 LOGIN bob {s}",
    "CONFIG SET requirepass {s}",
    "ALTER USER bob IDENTIFIED BY '{s}'",
    "CREATE ROLE app LOGIN PASSWORD '{s}'",
    "machine h login bob password {s}",
    "db.example.com:5432:shop:bob:{s}",
    "INSERT INTO users (name, password) VALUES ('bob', '{s}')",
    "SELECT id FROM t WHERE password = '{s}'",
)
SENTENCES = (
    "the password is {s}",
    "new password is {s}",
    "password for bob was set to {s}",
    "Passwort: {s}",
    "mot de passe: {s}",
    "contraseña={s}",
    "密码: {s}",
    "パスワード={s}",
    "senha: {s}",
    "passphrase: {s}",
)
CODES = (
    "your verification code is {s}",
    "otp={s}",
    "Your 2FA code: {s}",
    "your one-time code is {s}",
    "pin={s}",
    "security code: {s}",
)
TOKENS: dict[str, Secret] = {
    "AWS id": chars(UPPER, 16, "AKIA"),
    "GitHub": chars(ALNUM, 36, "ghp_"),
    "GitLab": chars(ALNUM + "_-", 20, "glpat-"),
    "Google": chars(ALNUM, 35, "AIza"),
    "Slack": chars(ALNUM, 24, "xoxb-123456789012-123456789012-"),
    "Stripe": chars(ALNUM, 24, "sk_live_"),
    "OpenAI": chars(ALNUM, 48, "sk-"),
    "npm": chars(ALNUM, 36, "npm_"),
    "Telegram": chars(ALNUM, 33, "123456789:AA"),
    "Twilio": chars(HEX, 32, "SK"),
    "Sendgrid": lambda chance: f"SG.{chars(ALNUM, 22)(chance)}.{chars(ALNUM, 43)(chance)}",
    "JWT": lambda chance: f"eyJ{chars(ALNUM, 20)(chance)}.eyJ{chars(ALNUM, 30)(chance)}.{chars(ALNUM, 43)(chance)}",
    "DigitalOcean": chars(HEX, 64, "dop_v1_"),
    "Databricks": chars(HEX, 32, "dapi"),
    "Hugging Face": chars(ALNUM, 34, "hf_"),
    "Vault": chars(ALNUM, 95, "hvs."),
    "Postman": lambda chance: f"PMAK-{chars(HEX, 24)(chance)}-{chars(HEX, 34)(chance)}",
    "Grafana": lambda chance: f"glsa_{chars(ALNUM, 32)(chance)}_{chars(HEX, 8)(chance)}",
    "Shopify": chars(HEX, 32, "shpat_"),
    "PyPI": chars(ALNUM + "_-", 120, "pypi-AgEIcHlwaS5vcmc"),
    "Azure AD": lambda chance: f"{chars(ALNUM, 3)(chance)}8Q~{chars(ALNUM, 34)(chance)}",
    "Mailgun": chars(HEX, 32, "key-"),
    "Mailchimp": chars(HEX, 32, "", "-us12"),
    "password hash": lambda chance: f"$6${chars(ALNUM, 16)(chance)}${chars(ALNUM, 86)(chance)}",
    "random base64": chars(BASE64, 40),
    "Azure storage": chars(BASE64, 86, "", "=="),
}
KINDS: dict[str, tuple[tuple[str, ...], Secret]] = {
    **{f"name {name}": (tuple(t.replace("{n}", name) for t in NAMED), password) for name in NAMES},
    "named token": (tuple(t.replace("{n}", "token") for t in NAMED), chars(ALNUM, 24)),
    "bearer": (
        tuple(t.replace("{h}", "Authorization").replace("{s}", "Bearer {s}") for t in HEADERS),
        chars(ALNUM, 30),
    ),
    "basic": (
        tuple(t.replace("{h}", "authorization").replace("{s}", "Basic {s}") for t in HEADERS),
        chars(BASE64, 22, "", "=="),
    ),
    "own scheme": (
        tuple(t.replace("{h}", "Authorization").replace("{s}", "Acme {s}") for t in HEADERS),
        chars(ALNUM, 30),
    ),
    "digest": (('Authorization: Digest username="a", realm="x", uri="/", response="{s}"',), chars(HEX, 32)),
    "AWS4": (
        ("Authorization: AWS4-HMAC-SHA256 Credential=x/eu/s3, SignedHeaders=host, Signature={s}",),
        chars(HEX, 64),
    ),
    "cookie": (tuple(t.replace("{h}", "Cookie").replace("{s}", "sid={s}") for t in HEADERS), chars(ALNUM, 26)),
    "URL": (URLS, password),
    "URL token": (("git clone 'https://{s}@github.com/o/r.git'", "https://{s}@o1.ingest.example/1"), chars(HEX, 32)),
    "signed URL": (
        ("https://b.example/k?X-Amz-Date=2026&X-Amz-Signature={s}", "?se=2026&sig={s}&sp=r"),
        chars(HEX, 64),
    ),
    "command": (COMMANDS, password),
    "protocol": (PROTOCOLS, password),
    "sentence": (SENTENCES, password),
    "code": (CODES, chars(string.digits, 6)),
    "card": (("card {s}", "paid with {s} today", '{{"pan":"{s}"}}', "pan={s},exp=12/29"), card),
    "IBAN": (("paid to {s}", "iban={s}", "account {s}, ok"), iban),
    "e-mail": (("mail to {s} sent", "<{s}>", "user={s}"), chars(string.ascii_lowercase, 8, "", "@mail.example.org")),
    **{f"token {name}": (ANYWHERE, made) for name, made in TOKENS.items()},
}
HARMLESS = (
    "password: {w}",
    "password is {w}",
    "token {w}",
    "the token is {w}",
    "api_key {w}",
    "secret {w} in vault",
    "authorization: {w}",
    "cookie: {w}",
    "otp {w}",
    "invalid token at line {d} column {d}",
    "tokens: {d}",
    "max_tokens={d}",
    "cache key=user:{d}:profile",
    "primary key violation on orders_{d}",
    "partition key orders-{d}",
    "bypass={w}",
    "Failed password for root from 10.0.0.{d} port {d}",
    "commit {x}",
    "sha256:{x}{x}",
    "trace_id={x} span_id={h}",
    "request 550e8400-e29b-41d4-a716-446655440{d} done",
    "GET https://example.com:8443/a/b?c={d} 200",
    "order {d}0000000{d} shipped",
    "PWD=/var/lib/app{d}",
    "pass {d} of 5: ok",
    "session opened for user root by (uid={d})",
    "getUserPreferencesById{d}",
    "mysql -h db -P {d} connected",
    "key event {d}",
    "tokenizer: bert-{d}",
    "keyboard={d}",
    "secretary: ann",
    "compass=north{d}",
    "monkey=banana{d}",
    "auth={w}",
    "csrf check {w}",
)
STATES = [
    "missing", "required", "invalid", "incorrect", "expired", "true", "none", "failed", "accepted", "ok", "denied",
]  # fmt: skip


def corpus(each: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield (kind, text with its secret in brackets), `each` of every kind, and harmless texts."""
    chance = random.Random(seed)
    for kind, (templates, secret) in KINDS.items():
        for number in range(each):
            yield kind, templates[number % len(templates)].format(s=f"{OPEN}{secret(chance)}{CLOSE}")
    for number in range(each * len(HARMLESS)):
        values = {"d": chance.randrange(10, 1000), "w": chance.choice(STATES)}
        values |= {"x": chars(HEX, 32)(chance), "h": chars(HEX, 16)(chance)}
        yield "harmless", HARMLESS[number % len(HARMLESS)].format(**values)


def listed(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of a list."""
    for line in file.read_text(encoding="utf-8").split("\n"):
        name, tab, text = line.partition("\t")
        if tab:
            yield name, text.replace("\\n", "\n") if name.startswith("*") else text


def leaks(text: str, redacted: str) -> bool:
    """Return whether something of a text's secrets is left: all of one, or a part that is nowhere else in the text."""
    around = _SECRETS.sub("\0", text)
    for secret in _SECRETS.findall(text):
        parts = {secret[at : at + FRAGMENT] for at in range(max(1, len(secret) - FRAGMENT + 1))}
        if any(part in redacted and part not in around for part in parts):
            return True
    return False


def measure(texts: list[tuple[str, str]]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return by kind (hidden, all), and every text that leaks or is changed without need, with what became of it."""
    counts, wrong = dict[str, tuple[int, int]](), []
    plain = [_SECRETS.sub(lambda match: match[1], text) for _, text in texts]
    redacted = redact_column(pl.Series("text", plain, dtype=pl.String), RedactionSettings())
    for (kind, text), before, after in zip(texts, plain, redacted, strict=True):
        kind = kind if OPEN in text else "harmless"  # noqa: PLW2901 - a list names each text
        good = not leaks(text, after) if OPEN in text else before == after
        hidden, total = counts.get(kind, (0, 0))
        counts[kind] = hidden + good, total + 1
        if not good:
            wrong.append(f"{kind}: {text!r} -> {after!r}")
    return counts, wrong


def cost(folder: Path) -> Iterator[tuple[str, int, float, float]]:
    """Yield (file, lines, microseconds of CPU a line, and when they come again) of redaction and masks."""
    for file in sorted(folder.rglob("*.log*")):
        opened = lzma.open if file.suffix == ".xz" else open
        with opened(file, "rt", encoding="utf-8", errors="replace") as stream:
            lines = [line.rstrip("\n") for line in stream]
        tables = [
            pl.DataFrame(
                [(position_of(at + n), 0, "s", "k", text, 0) for n, text in enumerate(lines[at : at + LINES_A_BATCH])],
                schema=dict(LINES_SCHEMA),
                orient="row",
            )
            for at in range(0, len(lines), LINES_A_BATCH)
        ]
        first, again = list[float](), list[float]()
        for _ in range(3):
            masker = Masker()
            for times in (first, again):
                start = time.process_time()
                for table in tables:
                    masker.apply(table)
                times.append(time.process_time() - start)
        best, repeated = (1e6 * min(times) / max(1, len(lines)) for times in (first, again))
        yield file.name, len(lines), best, repeated


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=26)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--show", action="store_true", help="print what leaks and what is changed without need")
    options = parser.parse_args()
    counts, wrong = measure(list(listed(options.list) if options.list else corpus(options.each, options.seed)))
    kept, harmless = counts.pop("harmless", (0, 0))
    if not options.list:
        for kind, (hidden, total) in counts.items():
            print(f"{kind:32} {hidden:5} of {total:5} hidden  {100 * hidden / total:6.1f}%")
    hidden, total = (sum(column) for column in zip(*counts.values(), strict=True))
    print(f"{'all secrets':32} {hidden:5} of {total:5} hidden  {100 * hidden / total:6.1f}%")
    if harmless:
        print(f"{'harmless':32} {harmless - kept:5} of {harmless:5} changed {100 * (1 - kept / harmless):6.1f}%")
    if options.show:
        print(*wrong, sep="\n")
    if options.logs:
        for name, lines, micros, again in cost(options.logs):
            print(f"{name:32} {lines:8} lines {micros:8.2f} us a line, again {again:8.2f}")


if __name__ == "__main__":
    main()
