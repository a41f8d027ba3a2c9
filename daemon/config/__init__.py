"""The configuration: one YAML file, read strictly.

`loading` reads the file and the environment. `schema` is the model with all defaults; `security`, `served` and others
hold some of its sections. `values` parses durations, budgets and regular expressions. `changes` says what each kind
of process can apply while it runs. All errors of a file are reported at once, each with its path.
"""

from daemon.config.changes import CONSOLE, NOTIFY, SERVE, changed_keys, daemon_of
from daemon.config.loading import load_config, parse_config, read_text
from daemon.config.schema import Config
from daemon.config.security import OAuthConfig
from daemon.config.served import PortConfig, ProxyConfig
from daemon.config.values import DOCUMENT

__all__ = [
    "CONSOLE",
    "DOCUMENT",
    "NOTIFY",
    "SERVE",
    "Config",
    "OAuthConfig",
    "PortConfig",
    "ProxyConfig",
    "changed_keys",
    "daemon_of",
    "load_config",
    "parse_config",
    "read_text",
]
