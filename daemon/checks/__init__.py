"""`strayline test`: unit-tested configurations, lines in, sessions and verdicts expected."""

from daemon.checks.cases import Case, CaseFile, load_cases
from daemon.checks.running import NO_ENGINE, Outcome, run_case

__all__ = ["NO_ENGINE", "Case", "CaseFile", "Outcome", "load_cases", "run_case"]
