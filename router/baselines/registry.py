"""Every method the decision bench compares; a new one is a file and a line here."""

from typing import NamedTuple

from router.baselines.category_means import fit_category_means
from router.baselines.cluster_means import fit_cluster_means
from router.baselines.concur import fit_concur
from router.baselines.constant import fit_constant
from router.baselines.joint_network import fit_joint_network
from router.baselines.matrix_factorisation import fit_matrix_factorisation
from router.baselines.nearest_neighbours import fit_hundred_neighbours, fit_nearest_neighbours
from router.baselines.oracle import fit_oracle
from router.baselines.outcomes import Fit
from router.baselines.strong_weak import fit_strong_weak
from router.baselines.trained_pairs import fit_trained_pairs
from router.baselines.with_features import with_features


class Method(NamedTuple):
    """How to fit it, and whether it could serve: without the truth, and without a category for every task."""

    fit: Fit
    deployable: bool = True


OWN, ORACLE, CONSTANT, CONCUR = "apportion", "oracle", "constant", "CONCUR"

METHODS: dict[str, Method] = {
    OWN: Method(fit_trained_pairs),
    CONSTANT: Method(fit_constant),
    "kNN": Method(fit_nearest_neighbours),
    "kNN-100": Method(fit_hundred_neighbours),
    "K-means": Method(fit_cluster_means),
    "kNN-100, features": Method(with_features(fit_hundred_neighbours)),
    "K-means, features": Method(with_features(fit_cluster_means)),
    "EmbedLLM": Method(fit_matrix_factorisation),
    "RTR": Method(fit_joint_network),
    "RouteLLM": Method(fit_strong_weak),
    CONCUR: Method(fit_concur),
    "category means": Method(fit_category_means, deployable=False),
    ORACLE: Method(fit_oracle, deployable=False),
}
