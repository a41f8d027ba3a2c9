"""The configuration: its model, single values, and reading a file."""

from daemon.config.loading import load_config, parse_config
from daemon.config.schema import Config

__all__ = ["Config", "load_config", "parse_config"]
