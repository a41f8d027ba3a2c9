"""E-mail, through an SMTP server: with STARTTLS, TLS from the start, or neither.

The first message of an incident has the incident's Message-ID and the later ones refer to it, so a reader sees a
thread, and drops duplicates. Only plain text is sent: nothing of a log line is markup.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from daemon.core.text import clean
from daemon.notify.announcements import Notification, Stage
from daemon.notify.receivers.base import DeliveryError, OnceReceiver, authorities, read_secret, without

log = structlog.get_logger(__name__)

SECONDS = 15.0
_SUBJECT, _SHOWN, _LONGEST = 200, 20, 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server. `username` and `password_file` go together; `ca` holds other authorities than the system's."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: Path | None = None
    ca: Path | None = None


def mail(told: Notification, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return the message of a notification."""
    said, domain = told.said, Address(addr_spec=sender).domain
    message, first = EmailMessage(policy=SMTP), f"<incident.{said.incident}@{domain}>"
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = clean(told.title)[:_SUBJECT]
    message["Date"] = format_datetime(said.last_seen)
    if told.stage is Stage.OPENED:
        message["Message-ID"] = first
    else:
        message["Message-ID"] = f"<alert.{said.id}@{domain}>"
        message["In-Reply-To"] = message["References"] = first
    message["Auto-Submitted"] = "auto-generated"
    message["X-Strayline-Incident"], message["X-Strayline-Severity"] = said.incident, said.severity
    message.set_content("\n".join(_body(told)) + "\n", cte="quoted-printable")
    return message


def _body(told: Notification) -> list[str]:
    said = told.said
    lines = [clean(said.summary), "", f"stage: {told.stage}", f"severity: {said.severity}"]
    lines += [f"services: {', '.join(clean(name)[:_LONGEST] for name in said.services)}"]
    lines += [f"since: {said.since.isoformat()}", f"latest: {said.last_seen.isoformat()}"]
    if told.url:
        lines.append(f"console: {told.url}")
    if told.stage is Stage.RESOLVED:
        return lines
    lines += ["", clean(said.why), "", *(f"  {text}" for text in _lines(said.document))]
    return [*lines, "", "is this normal?", f"  strayline label {said.id} normal"]


def _lines(document: Any) -> list[str]:
    session = document.get("session")
    rows = [row for row in session if isinstance(row, dict)] if isinstance(session, list) else []
    return [f"{row.get('count', 1)} x {clean(str(row.get('text', '')))[:_LONGEST]}" for row in rows[:_SHOWN]]


@dataclass(slots=True)
class Email(OnceReceiver):
    """Some addresses behind one server."""

    server: MailServer
    sender: str
    to: Sequence[str]

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""
        password = await read_secret(self.server.password_file) if self.server.password_file is not None else None
        message, secrets = mail(told, self.sender, self.to), [password] if password is not None else []
        try:
            await asyncio.to_thread(_send, self.server, password, message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refusal(code, _decoded(reply), secrets) from None
        except smtplib.SMTPAuthenticationError as error:
            text = without(f"{error.smtp_code} {_decoded(error.smtp_error)}", secrets)
            raise DeliveryError(text, "unauthorized") from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, _decoded(error.smtp_error), secrets) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            text = without(f"{type(error).__name__}: {error}", secrets)
            raise DeliveryError(text, "unreachable") from None


def _send(server: MailServer, password: str | None, message: EmailMessage) -> None:
    """Send with the standard library, which blocks, so on a thread. Every call has a connection of its own."""
    context = None
    if server.security != "none":
        context = authorities(server.ca) if server.ca is not None else ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
        if server.security == "tls"
        else smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    ) as smtp:
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.username is not None and password is not None:
            smtp.login(server.username, password)
        if refused := smtp.send_message(message):
            log.warning(
                "recipients_refused", refused=len(refused), accepted=len(message["To"].addresses) - len(refused)
            )


def _refusal(code: int, reply: str, secrets: Sequence[str]) -> DeliveryError:
    """Return the error of an SMTP reply: 4xx is transient, 5xx is permanent."""
    text = without(f"{code} {reply}", secrets)
    return DeliveryError(text, "refused", retry=False) if code >= 500 else DeliveryError(text, "busy")


def _decoded(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply
