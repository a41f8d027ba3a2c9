"""Writes the prefixes of tokens that redaction knows, from the rules of a secret scanner.

    python -m deploy.vendor_rules FILE...

The result is `daemon/core/masking/vendor_rules.py`. FILE is the configuration of Betterleaks or of gitleaks (TOML, both
under the MIT licence). Their rules are one regular expression a vendor, for source code. Four hundred expressions over
every line are too slow, so they become data for a few:

- *prefixes* that identify a token (``glpat-``), in two lists: after some, the token's characters include ``-`` or
  ``_``; after the others come only letters and digits, which separates tokens from names (``npm_config_cache``).
- *vendors*: names after which the scanners look for a key that has no form of its own (``mailgun``).

Rules for what is not a secret (identifiers, host names) and for whole documents are left out, and so are prefixes with
which ordinary words begin.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


TARGET = Path(__file__).resolve().parent.parent / "daemon/core/masking/vendor_rules.py"
SHORTEST_PREFIX = 4
_NOT_SECRET = re.compile(
    r"(?:-|^)(?:id|name|host|url|uri|domain|username|identifier|public|pub|browser)(?:-|\.|$)|^generic-|^jwt"
    r"|^private-key$|^curl-|^kubernetes-|^gcp-(?:service|application)|^pkcs12|-connection-string$|-webhook|^sidekiq"
)
_OPERATOR = re.compile(r"\(\?:=\|>.*?\|,\)\[\\x60'\"\\s=\]\{0,5\}")
_BEFORE_TOKEN = re.compile(r"^(?:\\b|\(\?i\)|\(\?:\^\|\[[^\]]*\]\)|\((?:\?:)?)*")
_PREFIX = re.compile(r"((?:[A-Za-z0-9_~!@-]|\\[.\-$_/])+)(.*)", re.DOTALL)
_CLASS = re.compile(r"\[[^\]]*\]|\\w")
_COMMON_PREFIXES = words(
    "api- app- pat- key- cli_ live_ access- npm_ https incoming 1000. key_ apikey_ prd- mid- endr xoxe wrka "
    "amplitude bitly cloudinary _gitlab_session napi_ cog_ apk_ live 1001. v1.0- prf_ tss_ lip_ ion_ rnd_ "
    "csa_ sk_live_a2v5xz eyjhbgcioijiuzi1niisinr5cci6ikpxvcj9.eyjpc3mioij1c2vyiiwianrpijoiyxqt 4b1d bbdc- eaaa"
)
"""Prefixes with which ordinary words begin; `secret_rules` has stricter rules for some of them."""
_COMMON_NAMES = words(
    "secret access token storage client account login email tenant checkout apollo stability account_id "
    "account-id accountid access_key access-key accesskey voyage upstage clerk linear cursor crates hunter "
    "monday instantly password administrator_login_password x-api-key paradigm rainforest kraken looker"
)
"""Keywords that are ordinary words, or names for secrets that `secret_names` has."""


def rules_of(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield the rules for secrets in all files; of rules with the same id the first."""
    seen = set()
    for file in files:
        for rule in tomllib.loads(file.read_text(encoding="utf-8"))["rules"]:
            name = str(rule["id"])
            if name not in seen and "regex" in rule and not _NOT_SECRET.search(name):
                seen.add(name)
                yield rule


def prefix_of(pattern: str) -> tuple[str, bool] | None:
    """Return the literal with which a token begins, and whether dashes may follow; None without such a literal."""
    match = _PREFIX.match(_BEFORE_TOKEN.sub("", pattern, count=1))
    if match is None or r"[\n\r]" in pattern:
        return None
    prefix, rest = match[1], match[2]
    if rest.startswith(("?", "*", "{")):
        prefix = prefix[:-1]
    prefix = re.sub(r"\\(.)", r"\1", prefix)
    body = _CLASS.search(rest)
    if len(prefix) < SHORTEST_PREFIX or prefix.lower() in _COMMON_PREFIXES or body is None:
        return None
    short = re.match(r"\{(?:\d|1[01])[,}]", rest[body.end() :]) is not None
    return prefix, short or body[0] == r"\w" or any(char in body[0] for char in (r"\w", "_", r"\-", "-]"))


def translated(rules: Iterable[dict[str, Any]]) -> tuple[list[str], list[str], list[str]]:
    """Return prefixes of letters and digits, prefixes of any characters, and vendors."""
    dashed, vendors = dict[str, bool](), set[str]()
    for rule in rules:
        parts = _OPERATOR.split(str(rule["regex"]), maxsplit=1)
        if len(parts) == 2:
            words = {str(word) for word in rule.get("keywords", ())}
            vendors |= {word for word in words - _COMMON_NAMES if re.fullmatch(r"[a-z][a-z ._-]{3,}[a-z]", word)}
        literal = prefix_of(parts[-1])
        if literal is not None:
            dashed[literal[0]] = dashed.get(literal[0], False) or literal[1]
    plain = sorted(prefix for prefix, allowed in dashed.items() if not allowed)
    return plain, sorted(prefix for prefix, allowed in dashed.items() if allowed), sorted(vendors)


def module(plain: list[str], dashed: list[str], vendors: list[str]) -> str:
    """Return the text of the module."""

    def listed(name: str, values: list[str], meaning: str) -> str:
        rows = "".join(f'    "{value}",\n' for value in values)
        return f'{name}: tuple[str, ...] = (\n{rows})\n"""{meaning}"""\n'

    return (
        '"""Prefixes of tokens, and names of vendors, from the secret scanners Betterleaks and gitleaks.\n\n'
        "Copyright (c) 2019 Zachary Rice and (c) 2026 the contributors of Betterleaks, under the MIT licence: see\n"
        "`docs/redaction.md`. Generated by `python -m deploy.vendor_rules`; do not edit.\n"
        '"""\n\nfrom __future__ import annotations\n\n'
        + listed("PLAIN_PREFIXES", plain, "Prefixes of tokens of letters and digits.")
        + listed("DASHED_PREFIXES", dashed, "Prefixes of tokens with dashes or underscores in them.")
        + listed("VENDORS", vendors, "Names behind which a long token is a key.")
    )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m deploy.vendor_rules FILE...")
    TARGET.write_text(module(*translated(rules_of(map(Path, sys.argv[1:])))), encoding="utf-8")
