"""The room for documents as a part of a console: opened, served and closed with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon.console.bound_metrics import Kept
from daemon.console.documents.document_pages import DocumentPages
from daemon.console.documents.room import Room, RoomTools
from daemon.console.documents.uploads import Uploads
from daemon.console.pages import Pages
from daemon.console.server import Route


class DocumentRoom:
    """Implements `daemon.console.console.Extension`."""

    def __init__(self, tools: RoomTools) -> None:
        self._room = Room(tools)
        self._uploads = Uploads(self._room)

    async def start(self) -> None:
        """Open the store, and begin to start the engine. Raises OutputError or DataError for an unusable store."""
        await self._room.start()

    def routes(self, pages: Pages) -> Sequence[Route]:
        """Return the routes of the room's pages."""
        return DocumentPages(pages, self._room, self._uploads).routes()

    def kept(self, kept: Kept) -> Kept:
        """Return what the console keeps with the uploads that are kept here."""
        uploads = self._uploads
        let_go = {**kept.let_go, "uploads": uploads.refused}
        return replace(kept, uploads=uploads.waiting, upload_characters=uploads.characters, let_go=let_go)

    async def close(self) -> None:
        """Abandon uploads that are not done, and close engine and store."""
        await self._uploads.close()
        await self._room.close()
