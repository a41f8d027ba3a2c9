"""Sends each line to the partition where all lines of its key are judged together.

With `input.repartition`, each input partition is a *writer*: its lines, masked and without secrets, are packed into
blocks (`block`), one for each partition of the topic between. `place_of` chooses it by scope and key, `place_of_scope`
by scope. `OutgoingLines` collects the lines until the transaction that writes them. On the other side `IncomingLines`
reads blocks as lines again, and knows the place of each line in the input.

Several writers write to one partition, and each has its own clock. `WriterClocks` derives stream time from them: the
least clock of the writers that still write.
"""

from daemon.core.repartition.incoming import IncomingLines
from daemon.core.repartition.outgoing import OutgoingLines, Place, place_of, place_of_scope
from daemon.core.repartition.writer_clocks import WriterClocks

__all__ = ["IncomingLines", "OutgoingLines", "Place", "WriterClocks", "place_of", "place_of_scope"]
