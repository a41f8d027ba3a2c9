"""Lines that belong together: the parts of a line that was cut, and the lines of a stack trace, joined into one.

A *source* is the writer of lines in a row: a record key and what the value states about its writer.
Within a source a line either begins an event or goes on with the one before it; `rules` says which, `presets` holds the
rules by language, and `Joiner` applies them. Three rules hold:

* Whether a line goes on depends on its text, on the lines of its source before it, and on the clock of records. So the
  same records give the same events however they are fetched, and again after a restart.
* An event is handed on when the next line of its source begins another, when the clock of records has moved on by more
  than `Bounds.wait`, or when the stream is flushed. Until then its lines are held, and `Joiner.held` counts them as
  unsettled.
* Nothing is dropped: where a bound cuts an event, the next line begins another. An event has the position, time, scope
  and key of its first line, and the positions of all.
"""

from daemon.core.multiline.bounds import Bounds
from daemon.core.multiline.joiner import Joined, Joiner, Joining
from daemon.core.multiline.presets import PRESETS, make_rules
from daemon.core.multiline.rules import Rules

__all__ = ["PRESETS", "Bounds", "Joined", "Joiner", "Joining", "Rules", "make_rules"]
