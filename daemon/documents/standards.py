"""One base as the stream uses it: texts are checked against the base as it is now.

When another process changes the store, the next check reads the base again. So a document that is added in the console
is a standard for the next record. Where that process has another model, documents have no vectors of this one: then the
base as it was read last, whole, goes on deciding, since what is left of it would call nearly every text odd.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from daemon.core.documents import KeptDocument
from daemon.documents.checking import Check, Checker
from daemon.documents.library import Library, Renewal
from daemon.errors import UnfinishedBaseError
from daemon.ports import DocumentStore, Outliers

log = structlog.get_logger(__name__)


class Standards:
    """A base of a store. Belongs to one thread at a time.

    `unfinished` is told at each reading whether checks keep to an earlier state of the base.
    """

    def __init__(
        self,
        library: Library,
        store: DocumentStore,
        base: str,
        outliers: Outliers | None = None,
        unfinished: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.base = base
        self.remark = ""
        """Why the last check was not against the base as it is now; empty where it was."""
        self._library = library
        self._store = store
        self._outliers = outliers
        self._unfinished = unfinished
        self._revision = -1
        self._checker: Checker | None = None

    async def renew(self, report: Callable[[Renewal], None]) -> int:
        """Give every document vectors of the engine's model, and read the base; return the number of documents.

        Raises UnfinishedBaseError where another process takes the vectors away meanwhile.
        """
        await self._library.renew(self.base, report)
        self._read()
        return self._store.bases().get(self.base, 0)

    def check(self, text: KeptDocument) -> Check:
        """Return the result for a text that has its vector."""
        checker = self._read()
        return checker.check(text, self._outliers)

    def _read(self) -> Checker:
        """Return a checker of the base as it is now, or was when all its documents had vectors."""
        revision = self._store.revision()
        if self._checker is None or revision != self._revision:
            try:
                self._checker, self.remark = self._library.checker(self.base), ""
            except UnfinishedBaseError as error:
                if self._checker is None:
                    raise
                self._warn(str(error))
            self._unfinished(bool(self.remark))
            self._revision = revision
        return self._checker

    def _warn(self, reason: str) -> None:
        remark = f"compared with the base as it was before another program changed it: {reason}"
        if remark != self.remark:
            log.warning("base_unfinished", base=self.base, reason=reason)
        self.remark = remark
