"""The room for documents: what a base holds, search by meaning, and files that are added or checked.

    browser -> receiving (files on disk) -> uploads (one file after another) -> room -> library, engine and store

* `Room` does what `strayline documents` does, by the same `Library`, store and parser. All of it runs on a thread of
  its own with an event loop of its own, so neither an engine nor a comparison delays the pages.
* `Uploads` keeps the latest uploads in memory, bounded by number and text. Each file ends as *read*, *empty* or
  *refused* with a reason.
* `document_pages` has the handlers and their routes; `extension` is what a console opens and closes.

This package needs the extra `documents`, so the console gets it from whoever starts it.
"""

from daemon.console.documents.extension import DocumentRoom
from daemon.console.documents.room import RoomTools

__all__ = ["DocumentRoom", "RoomTools"]
