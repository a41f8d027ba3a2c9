"""Files as batches: the given files are one topic of one partition, in the given order, and each line is a record.

Four rules:

* A pipe, a FIFO or a device is opened once, when its turn comes, and read to its end: it cannot be read twice.
* The first bytes of a file decide how it is read (gzip, xz, zstd or plain; UTF-16 or UTF-8), never its name. ``-`` is
  standard input.
* Offsets count lines through all files without a gap, so a position names one line of one file (`FileReader.place`).
* Memory holds one batch: at most `batch_lines` lines, and about `BATCH_BYTES`, however long the lines are.

`paths` says what may be opened, `decompression` unpacks, `lines` cuts, `reader` makes batches. `head` reads the
beginning alone, and `output` writes files whole or not at all.
"""

from daemon.adapters.files.head import Rewound, read_head
from daemon.adapters.files.output import whole_file, write_lines
from daemon.adapters.files.paths import STDIN, check_files, last_written, printable
from daemon.adapters.files.reader import FileReader, Place

__all__ = [
    "STDIN",
    "FileReader",
    "Place",
    "Rewound",
    "check_files",
    "last_written",
    "printable",
    "read_head",
    "whole_file",
    "write_lines",
]
