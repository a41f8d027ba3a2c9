"""`strayline notify`: tells people of incidents, in a process of its own.

    alerts topic -> announcements -> route_memory (which stage is news for this route?) -> delivery -> receivers

* Each route is a consumer group of its own, so a receiver that does not answer delays nobody else's messages. A message
  is committed after it was delivered. Killed in between, a route sends that message again, with the same key for the
  receiver's de-duplication.
* What a route has told is not stored. It is computed again from the topic: `RouteMemory` reads what lies before the
  committed offset, and nothing of that is sent.
* `receivers/` has a module for each kind. Each makes a message from a `Notification` by a pure function, and sends it.
* `delivery` tries again with back-off. After `give_up` a message that a receiver does not take becomes a dead letter.
* Secrets are files, read for every message, and appear in no log and no error.
"""

from daemon.notify.announcements import Stage
from daemon.notify.delivery import RetryPolicy
from daemon.notify.filters import RouteFilter
from daemon.notify.notify_metrics import NotifyMetrics
from daemon.notify.receivers import Receiver
from daemon.notify.route import OpenTopic, RouteSettings, TopicReader
from daemon.notify.routes import Routes
from daemon.notify.trial import trial

__all__ = [
    "NotifyMetrics",
    "OpenTopic",
    "Receiver",
    "RetryPolicy",
    "RouteFilter",
    "RouteSettings",
    "Routes",
    "Stage",
    "TopicReader",
    "trial",
]
