"""News of incidents as records of the alerts topic."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.alerts.alert_document import alert_document
from daemon.core.alerts.case_document import Provenance
from daemon.core.incidents import News
from daemon.core.messages import ALERT_SCHEMA, AlertDocument, cloud_event, encode
from daemon.core.types import OutRecord, TopicPartition

ALERT_TYPE = "strayline.alert.v2"


@dataclass(frozen=True, slots=True)
class Published:
    """One message for the alerts topic: the record, and the document that is its value."""

    record: OutRecord
    alert: AlertDocument


def alert_record(news: News, about: Provenance) -> Published:
    """Return the message about the news of an incident.

    Its key is the incident's first scope. A later symptom can become the headline, but it does not change the key, so
    all messages of an incident lie in one partition, in order.
    """
    alert = alert_document(news, about)
    source = alert["source"]
    headers = cloud_event(
        id=alert["id"],
        type=ALERT_TYPE,
        source=TopicPartition(source["topic"], source["partition"]),
        subject=news.incident.id,
        time=round(news.incident.last * 1e6),
        schema=ALERT_SCHEMA,
        extensions={
            "status": alert["status"],
            "severity": alert["severity"],
            "incident": news.incident.id,
            "event": news.event,
        },
    )
    return Published(OutRecord("alerts", news.incident.services[0].encode(), encode(alert), headers), alert)
