"""What listens on a port: one `HttpListener` for all, the daemon's own endpoints, and the engine as `/v1/embeddings`.

`listener` starts and ends a web application; the console uses it too. `endpoints` has the metrics and the probes,
`connections` bounds who may connect to them, and `embeddings` has the API of `strayline serve`. `accounts` reads the
users file, whose hashes `passwords` makes and verifies, `bearer` reads a request's token, `certificate` is a port's
TLS, and `watched_files` reads files again when they change; `access` combines accounts, certificate and watched files
for one port.
"""

from daemon.adapters.web.access import Access
from daemon.adapters.web.accounts import Account, Accounts, Role, read_accounts
from daemon.adapters.web.bearer import bearer_token
from daemon.adapters.web.certificate import Certificate, LiveCertificate
from daemon.adapters.web.embeddings import EmbeddingsServer, ServerLimits
from daemon.adapters.web.endpoints import Exposition, HttpServer, Probes, metrics_response
from daemon.adapters.web.listener import HttpListener, PortSettings
from daemon.adapters.web.passwords import hash_password
from daemon.adapters.web.watched_files import WatchedFiles

__all__ = [
    "Access",
    "Account",
    "Accounts",
    "Certificate",
    "EmbeddingsServer",
    "Exposition",
    "HttpListener",
    "HttpServer",
    "LiveCertificate",
    "PortSettings",
    "Probes",
    "Role",
    "ServerLimits",
    "WatchedFiles",
    "bearer_token",
    "hash_password",
    "metrics_response",
    "read_accounts",
]
