"""`strayline console`: incidents in a browser, in a process of its own.

    topics or a folder -> feed -> archive (SQLite) -> queries -> pages -> browser -> feedback topic

* The console is not a member of the daemon's group and has no engine. Nothing that it does can slow or break the
  stream.
* The archive holds nothing that the topics do not hold. `messages` turns messages into its rows and accepts those of
  other versions. Records and positions are stored together, so reading resumes exactly where the archive ends.
* Pages are HTML from the server (`pages`, `views`, `templates/`), and work without script. `static/console.js` adds
  live changes (`changes`) and keyboard shortcuts.
* Text of logs is hostile: templates escape everything, and the content security policy (`guard`) forbids all scripts
  and styles but the console's own.
* `guard` lets a request pass or not; `server.routes` is the table of routes and roles. `logins` keeps sessions. The
  users file and the port's certificate are those of `daemon.adapters.web`.
* Behind a reverse proxy, `proxy` says which headers are believed; paths are as the browser sees them.
* `replay` runs the incidents stage once more over stored observations, with other terms. Nothing of it is sent.
* What people send is published to the feedback topic and shown once it comes back from there.
"""

from daemon.console.console import Console, ConsoleSettings, ConsoleTopics
from daemon.console.console_metrics import ConsoleMetrics
from daemon.console.links import LinkTemplate, filled
from daemon.console.proxy import Proxy
from daemon.console.replay.replays import ReplaySettings
from daemon.console.retention import Retention

__all__ = [
    "Console",
    "ConsoleMetrics",
    "ConsoleSettings",
    "ConsoleTopics",
    "LinkTemplate",
    "Proxy",
    "ReplaySettings",
    "Retention",
    "filled",
]
