"""Files as blocks of text: txt, md, html, pdf and docx, each by a library made for it.

The result of every file is *read*, *empty* or *refused* with a reason, whatever is in it. A file is judged by its
content; its name only distinguishes Markdown and HTML from plain text. `ParserProcess` reads in a process of its own,
with a limit on time and memory, so a file that crashes or hangs a parser is refused like any other.
"""

from daemon.adapters.parsing.process import ParserProcess
from daemon.adapters.parsing.reading import FileLimits, files_below, read_bytes, read_file
from daemon.core.documents import ReadFile

__all__ = ["FileLimits", "ParserProcess", "ReadFile", "files_below", "read_bytes", "read_file"]
