"""The configuration: one YAML file, read strictly.

`loading` reads the file and the environment, `schema` is the model with all defaults, and `values` parses durations,
budgets and regular expressions. All errors of a file are reported at once, each with its path.
"""

from daemon.config.loading import load_config, parse_config
from daemon.config.schema import Config

__all__ = ["Config", "load_config", "parse_config"]
