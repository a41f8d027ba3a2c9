"""One base as the stream uses it: texts are checked against the base as it is now.

When another process changes the store, the next check reads the base again. So a document that is added in the console
is a standard for the next record.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.documents import KeptDocument
from daemon.documents.checking import Check, Checker
from daemon.documents.library import Library, Renewal
from daemon.ports import DocumentStore, Outliers


class Standards:
    """A base of a store. Belongs to one thread at a time."""

    def __init__(self, library: Library, store: DocumentStore, base: str, outliers: Outliers | None = None) -> None:
        self.base = base
        self._library = library
        self._store = store
        self._outliers = outliers
        self._revision = -1
        self._checker: Checker | None = None

    async def renew(self, report: Callable[[Renewal], None]) -> int:
        """Give every document vectors of the engine's model; return the number of documents."""
        await self._library.renew(self.base, report)
        return self._store.bases().get(self.base, 0)

    def check(self, text: KeptDocument) -> Check:
        """Return the result for a text that has its vector."""
        revision = self._store.revision()
        if self._checker is None or revision != self._revision:
            self._checker, self._revision = self._library.checker(self.base), revision
        return self._checker.check(text, self._outliers)
