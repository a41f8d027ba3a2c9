"""`strayline backtest`: what the daemon would have said of files, and how good that would have been."""

from daemon.backtest.options import BacktestOptions, Progress, Result, Setup
from daemon.backtest.report import Report
from daemon.backtest.run import run_backtest

__all__ = ["BacktestOptions", "Progress", "Report", "Result", "Setup", "run_backtest"]
