"""What listens on a port: one `HttpListener` for all, the daemon's own endpoints, and the engine as `/v1/embeddings`.

`listener` starts and ends a web application; the console uses it too. `endpoints` has the metrics and the probes,
`connections` bounds who may connect to them, and `embeddings` has the API of `strayline serve`.
"""

from daemon.adapters.web.embeddings import EmbeddingsServer, ServerLimits
from daemon.adapters.web.endpoints import Exposition, HttpServer, Probes
from daemon.adapters.web.listener import HttpListener

__all__ = ["EmbeddingsServer", "Exposition", "HttpListener", "HttpServer", "Probes", "ServerLimits"]
