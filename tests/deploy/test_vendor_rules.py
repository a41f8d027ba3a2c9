"""From the rules of a secret scanner to the data that redaction uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core.masking.vendor_rules import DASHED_PREFIXES, PLAIN_PREFIXES, VENDORS
from deploy.vendor_rules import TARGET, module, prefix_of, rules_of, translated

RULES = r"""
[[rules]]
id = "acme-token"
regex = '''\b(acme_[a-z0-9]{32})(?:[\x60'"\s;]|\\[nr]|$)'''
keywords = ["acme_"]
[[rules]]
id = "dashed-token"
regex = '''dash-[\w-]{20}'''
keywords = ["dash-"]
[[rules]]
id = "mailer-key"
regex = '''(?i)(?:mailer)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([a-z0-9]{32})'''
keywords = ["mailer"]
[[rules]]
id = "acme-client-id"
regex = '''\bacid_[a-z0-9]{32}\b'''
keywords = ["acid_"]
"""


def test_rules_become_prefixes_and_vendors(tmp_path: Path) -> None:
    """Prefixes are listed by what may follow; a name in front of any key is a vendor; identifiers are left out."""
    (tmp_path / "rules.toml").write_text(RULES)

    assert (["acme_"], ["dash-"], ["mailer"]) == translated(rules_of([tmp_path / "rules.toml"]))


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [(r"\b(ghp_[0-9a-zA-Z]{36})\b", ("ghp_", False)), (r"glpat-[\w-]{20}", ("glpat-", True)), (r"[a-z]{32}", None)],
)
def test_the_prefix_of_a_token(pattern: str, prefix: tuple[str, bool] | None) -> None:
    """The literal in front counts, and an expression that begins with a class has none."""
    assert prefix == prefix_of(pattern)


def test_the_module_is_what_the_script_writes() -> None:
    """The generated module was not edited by hand."""
    assert TARGET.read_text() == module(list(PLAIN_PREFIXES), list(DASHED_PREFIXES), list(VENDORS))
