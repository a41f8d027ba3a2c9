"""JSON of other programs: the names that a shipper gives to a line's parts."""

from __future__ import annotations

from dataclasses import fields, replace

from daemon.core.formats.base import FieldPaths

ECS = FieldPaths(
    "message",
    "@timestamp",
    "service.name|kubernetes.container.name|container.name|event.dataset|agent.type",
    "trace.id|kubernetes.pod.name|container.id|host.name",
    "log.level|level|log.syslog.severity.name",
    "service.version",
)
"""Filebeat and the ECS loggers."""
FLUENT_BIT = FieldPaths(
    "log|message|MESSAGE|msg",
    "@timestamp|timestamp|date|time",
    "kubernetes.container_name|_SYSTEMD_UNIT|tag",
    "kubernetes.pod_name|_HOSTNAME",
    "level|severity|PRIORITY",
    "kubernetes.labels.app_kubernetes_io/version",
)
VECTOR = FieldPaths(
    "message|log",
    "timestamp",
    "kubernetes.container_name|container_name|service|appname|_SYSTEMD_UNIT|source_type",
    "kubernetes.pod_name|host|hostname",
    "level|severity|log.level|PRIORITY",
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
