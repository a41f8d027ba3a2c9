"""Where a route's messages go: one module for each kind of receiver.

A receiver has a pure function that makes its message from a `Notification`, and `send`, which delivers it once. What
fails is a `DeliveryError`, which says whether another attempt can help. The message's key for de-duplication comes from
the incident or the alert, so it is the same in every attempt and after every restart.
"""

from daemon.notify.receivers.alertmanager import Alertmanager
from daemon.notify.receivers.base import DeliveryError, Receiver
from daemon.notify.receivers.email import Email, MailServer
from daemon.notify.receivers.pagerduty import PagerDuty
from daemon.notify.receivers.slack import Slack
from daemon.notify.receivers.webhook import Webhook

__all__ = ["Alertmanager", "DeliveryError", "Email", "MailServer", "PagerDuty", "Receiver", "Slack", "Webhook"]
