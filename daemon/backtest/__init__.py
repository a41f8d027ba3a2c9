"""`strayline backtest`: what the daemon would have reported for files, and how good that would have been."""

from daemon.backtest.labels import LabelFile
from daemon.backtest.options import BacktestOptions, Progress, Result, Setup, Shower
from daemon.backtest.report import Report
from daemon.backtest.run import check_inputs, run_backtest

__all__ = [
    "BacktestOptions",
    "LabelFile",
    "Progress",
    "Report",
    "Result",
    "Setup",
    "Shower",
    "check_inputs",
    "run_backtest",
]
