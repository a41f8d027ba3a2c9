"""Logs of many systems, made here as these systems write them, with what is right of each."""

from __future__ import annotations

from tests.discovery.systems.applications import APPLICATIONS
from tests.discovery.systems.clouds import CLOUDS
from tests.discovery.systems.hosts import HOSTS
from tests.discovery.systems.stores import STORES
from tests.discovery.systems.story import System, tell
from tests.discovery.systems.web import WEB

SYSTEMS = {**WEB, **STORES, **HOSTS, **APPLICATIONS, **CLOUDS}

__all__ = ["SYSTEMS", "System", "tell"]
