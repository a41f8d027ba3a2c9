"""What is generated is up to date."""

from __future__ import annotations

import pytest

from deploy.generate import ROOT, generated


@pytest.mark.parametrize(("path", "text"), [(str(path), text) for path, text in generated()])
def test_generated_files_are_what_the_code_says(path: str, text: str) -> None:
    """Metrics page, schemas, boards, and the chart's copies and README are as deploy.generate writes them."""
    assert text == (ROOT / path).read_text()
