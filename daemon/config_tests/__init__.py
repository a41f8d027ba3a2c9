"""`strayline test`: unit-tested configurations, lines in, sessions and verdicts expected."""

from daemon.config_tests.cases import CaseFile, ConfigCase, load_cases
from daemon.config_tests.runner import NO_ENGINE, Outcome, run_case

__all__ = ["NO_ENGINE", "CaseFile", "ConfigCase", "Outcome", "load_cases", "run_case"]
