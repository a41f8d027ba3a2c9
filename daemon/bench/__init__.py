"""How much of the raw client's speed is left: every stage and the whole daemon, beside `getmany`, in one process.

Made traffic goes into topics of its own, which are removed at the end. CPU seconds of the process are counted, not the
wall clock, so that a busy machine matters less; rounds of the two sides alternate and the best of each counts. What is
worth comparing between machines are the ratios.
"""

from daemon.bench.bench import BenchOptions, run_bench
from daemon.bench.result import BenchResult, StageFigures, print_bench

__all__ = ["BenchOptions", "BenchResult", "StageFigures", "print_bench", "run_bench"]
