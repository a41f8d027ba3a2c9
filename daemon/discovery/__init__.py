"""From a sample of log lines to a configuration: format, time, level, what begins a record, and what makes a session.

Four steps, each a module. `structured` and `reading` find the format, with `times` and `levels` for lines of text.
`keys` lists everything in a line that may be a session's key. `sessions` cuts the sample by each of them, as the
daemon would, and measures the result. `discover` joins these steps and keeps the best key and the next.
`configuration` writes the choice as a file's text.

`scattering` measures, in records of a topic, which share of session keys lies in several partitions.

Nothing here reads files or asks the user. Lines are read by the core's own formats and masked by its own masks, so that
what is measured is what the daemon will see.
"""

from daemon.discovery.configuration import Surroundings, write_configuration
from daemon.discovery.discover import MOST_LINES, Choice, Discovery, NothingToReadError, Wishes, discover
from daemon.discovery.encoding import encoding_of
from daemon.discovery.keys import WINDOW
from daemon.discovery.reading import Reading
from daemon.discovery.scattering import Scattering, advice, scattering, scope_advice

__all__ = [
    "MOST_LINES",
    "WINDOW",
    "Choice",
    "Discovery",
    "NothingToReadError",
    "Reading",
    "Scattering",
    "Surroundings",
    "Wishes",
    "advice",
    "discover",
    "encoding_of",
    "scattering",
    "scope_advice",
    "write_configuration",
]
