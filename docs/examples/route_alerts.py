"""Route strayline's alerts: one notification an incident, to Alertmanager, Slack or PagerDuty.

    python docs/examples/route_alerts.py --kafka localhost:9092 --to alertmanager --url http://localhost:9093
    python docs/examples/route_alerts.py --kafka localhost:9092 --to slack --url https://hooks.slack.com/services/...
    PAGERDUTY_ROUTING_KEY=... python docs/examples/route_alerts.py --kafka localhost:9092 --to pagerduty

A start to copy from: it needs aiokafka and aiohttp, which the daemon brings. An offset is committed after its
notification was accepted, so nothing is lost; a notification sent twice is the same one to its receiver, since the
incident's id is its key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer

Alert = Mapping[str, Any]
NEWS = ("opened", "reopened", "escalated", "resolved")
"""What is told, and its end; `updated` adds to what was told, and is left out here."""
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


def to_alertmanager(alert: Alert) -> list[dict[str, Any]]:
    """Return the body for POST /api/v2/alerts."""
    incident = alert["incident"]
    labels = {"alertname": "LogAnomaly", "incident": incident["id"]}
    annotations = {
        "summary": alert["summary"],
        "why": alert["why"],
        "services": ", ".join(incident["services"]),
        "severity": alert["severity"],
        "cause": alert["fingerprint"],
    }
    # Alertmanager ends what nobody renews; strayline says itself when an incident is over, so an hour is given.
    last = datetime.fromisoformat(incident["last_seen"])
    ends = last if alert["status"] == "resolved" else last + timedelta(hours=1)
    times = {"startsAt": incident["since"], "endsAt": ends.isoformat()}
    return [{"labels": labels, "annotations": annotations, **times}]


def to_slack(alert: Alert) -> dict[str, Any]:
    """Return the body for an incoming webhook."""
    mark = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}
    sign = ":white_check_mark:" if alert["status"] == "resolved" else mark[alert["severity"]]
    # Slack reads &, < and > as markup; a log line is text.
    text = alert["summary"] if alert["status"] == "resolved" else f"{alert['summary']}\n{alert['why']}"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    command = "" if alert["status"] == "resolved" else f"\n`strayline label {alert['id']} normal`"
    return {"text": f"{sign} *{', '.join(alert['incident']['services'])}* {text}{command}"}


def to_pagerduty(alert: Alert) -> dict[str, Any]:
    """Return the body for the Events API v2."""
    return {
        "routing_key": os.environ.get("PAGERDUTY_ROUTING_KEY", ""),
        "event_action": "resolve" if alert["status"] == "resolved" else "trigger",
        "dedup_key": f"strayline/{alert['incident']['id']}",
        "payload": {
            "summary": f"{alert['scope']}: {alert['summary']}",
            "source": alert["scope"],
            "severity": alert["severity"],
            "timestamp": alert["end"],
            "custom_details": {
                "why": alert["why"],
                "services": alert["incident"]["services"],
                "symptoms": [cause["text"] for cause in alert["incident"]["causes"][:5]],
                "key": alert["key"],
                "lines": alert["session"][:5],
            },
        },
    }


BODIES = {"alertmanager": to_alertmanager, "slack": to_slack, "pagerduty": to_pagerduty}


async def route(options: argparse.Namespace) -> None:
    """Follow the topic for ever; stop at the first notification that is refused."""
    url = {"alertmanager": f"{options.url}/api/v2/alerts", "slack": options.url, "pagerduty": options.url or PAGERDUTY}
    consumer = AIOKafkaConsumer(
        options.topic,
        bootstrap_servers=options.kafka,
        group_id=f"alerts-to-{options.to}",
        enable_auto_commit=False,
        auto_offset_reset="latest",
        isolation_level="read_committed",  # what an aborted transaction wrote never happened
    )
    await consumer.start()
    try:
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            async for record in consumer:
                if dict(record.headers).get("ce_event", b"").decode() in NEWS:
                    body = BODIES[options.to](json.loads(record.value))
                    async with http.post(url[options.to], json=body):
                        pass
                await consumer.commit()
    finally:
        await consumer.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kafka", default="localhost:9092")
    parser.add_argument("--topic", default="strayline.alerts")
    parser.add_argument("--to", choices=sorted(BODIES), required=True)
    parser.add_argument("--url", default="")
    asyncio.run(route(parser.parse_args()))
