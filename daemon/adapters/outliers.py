"""Second opinions on vectors by scikit-learn: isolation forest, one-class SVM, and the groups of a base by HDBSCAN.

Implements `ports.Outliers`. The learners see the vectors alone, so a small change of words hardly moves them: their
figures are shown beside the others and decide nothing. The library takes seconds to import, so that is done at the
first use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST = 20
"""Documents that a learner needs."""
GROUP = 3
"""Documents that make a group."""
NU = 0.05
"""The share of a base that its one-class SVM may leave outside."""


class SklearnOutliers:
    """`ports.Outliers` with the defaults of scikit-learn, but for `NU`; the same figures at every call."""

    def second_opinions(
        self, vectors: NDArray[np.float32], vector: NDArray[np.float32]
    ) -> Sequence[tuple[str, float, bool]]:
        """See ports.Outliers. Fewer than `FEWEST` vectors give none. Odd is what the learner calls an outlier."""
        if len(vectors) < FEWEST:
            return []
        from sklearn.ensemble import IsolationForest
        from sklearn.svm import OneClassSVM

        learners = (
            ("isolation forest", IsolationForest(random_state=0)),
            ("one-class SVM", OneClassSVM(gamma="scale", nu=NU)),
        )
        opinions = []
        for name, learner in learners:
            learner.fit(vectors)
            value = float(learner.decision_function(vector[None])[0])
            opinions.append((name, -value, value < 0))
        return opinions

    def groups(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """See ports.Outliers. At least `GROUP` documents make a group; distances are those of unit vectors."""
        if len(vectors) < 2 * GROUP:
            return np.full(len(vectors), -1, dtype=np.int64)
        from sklearn.cluster import HDBSCAN

        labels = HDBSCAN(min_cluster_size=GROUP, min_samples=1, copy=True).fit_predict(vectors)
        return np.asarray(labels, dtype=np.int64)
