"""How much of the raw client's speed is left: every stage and the whole daemon, beside `getmany`.

Generated traffic goes into topics of its own, which are removed at the end. The raw client reads in a process of its
own (`raw_client`). CPU seconds are counted, not the wall clock, so that a busy machine matters less; rounds of the two
sides alternate and the best of each counts. Between machines only the ratios can be compared.
"""

from daemon.bench.bench import BenchOptions, run_bench
from daemon.bench.result import BenchResult, StageFigures, print_bench

__all__ = ["BenchOptions", "BenchResult", "StageFigures", "print_bench", "run_bench"]
