"""The configuration: one YAML file, read strictly.

`loading` reads the file and the environment. `schema` is the model with all defaults; `security`, `served` and others
hold some of its sections. `values` parses durations, budgets and regular expressions. `changes` says what a running
daemon or console can apply. All errors of a file are reported at once, each with its path.
"""

from daemon.config.changes import changed_keys, console_changes, needs_restart
from daemon.config.loading import load_config, parse_config, read_text
from daemon.config.schema import Config
from daemon.config.security import OAuthConfig
from daemon.config.served import PortConfig, ProxyConfig
from daemon.config.values import DOCUMENT

__all__ = [
    "DOCUMENT",
    "Config",
    "OAuthConfig",
    "PortConfig",
    "ProxyConfig",
    "changed_keys",
    "console_changes",
    "load_config",
    "needs_restart",
    "parse_config",
    "read_text",
]
