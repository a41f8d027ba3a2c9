"""JSON of other programs: the names that a shipper gives to a line's parts."""

from __future__ import annotations

from dataclasses import fields, replace

from daemon.core.formats.base import FieldPaths

ECS = FieldPaths(
    "message",
    "@timestamp",
    "service.name|event.dataset|agent.type",
    "trace.id|host.name",
    "log.level",
    "service.version",
)
"""Filebeat and the ECS loggers."""
FLUENT_BIT = FieldPaths(
    "log|message",
    "@timestamp|timestamp|date|time",
    "kubernetes.container_name|tag",
    "kubernetes.pod_name",
    "level",
    "kubernetes.labels.app_kubernetes_io/version",
)
VECTOR = FieldPaths(
    "message|log", "timestamp", "kubernetes.container_name|service|source_type", "kubernetes.pod_name|host", "level"
)


def preset(defaults: FieldPaths, own: FieldPaths) -> FieldPaths:
    """Return a preset's paths, except for those that the configuration sets to other than the plain format's."""
    plain = FieldPaths()
    chosen = {
        each.name: getattr(own, each.name)
        for each in fields(FieldPaths)
        if getattr(own, each.name) != getattr(plain, each.name)
    }
    return replace(defaults, **chosen)
