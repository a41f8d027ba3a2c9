"""How soon verdicts and told incidents are committed, as a reader of committed records sees it."""
