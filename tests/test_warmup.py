import subprocess
import sys

import pytest

from kernlab import warmup

# In a process of its own: in this one, other tests have compiled what they needed.
SCRIPT = """
from kernlab import warmup
from kernlab.density import KernelDensity
from kernlab.kernels import _sums_numba, _tree_numba

def compiled():
    return len(_sums_numba.direct_sums.signatures), len(_tree_numba.tree_sums.signatures)

warmup.main(["gaussian", "--tolerance"])
before = compiled()
kde = KernelDensity(bandwidth=1.0).fit([[0.0], [1.0]])
kde.score_samples([[0.5]])
kde.effective_samples([[0.5]])
kde.leave_one_out_score()
kde.fit([[0.0], [1e9]]).score_samples([[0.5]])
kde.set_params(rtol=1e-3).fit([[0.0], [1.0]]).score_samples([[0.5]])
kde.fit([[0.0], [1e9]]).score_samples([[0.5]])
print(*before, *compiled())
"""


def test_after_a_warm_up_nothing_is_left_to_compile():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    counts = list(map(int, result.stdout.split()))
    assert counts[:2] == counts[2:]
    assert min(counts) > 0
    assert "compiling gaussian in 1 features" in result.stderr


def test_an_unknown_kernel_is_refused(capsys):
    with pytest.raises(SystemExit):
        warmup.main(["box"])
    assert "no kernel box; there are gaussian, tophat" in capsys.readouterr().err


PRIVACY_SCRIPT = """
import numpy as np
from kernlab import warmup
from kernlab.privacy import PrivateDistanceSum, PrivateKernelSum, _bins_numba, _phases_numba

def compiled():
    modules = _bins_numba, _phases_numba
    members = [member for module in modules for member in vars(module).values()]
    return [len(member.signatures) for member in members if hasattr(member, "signatures")]

warmup.warm_up_privacy()
before = compiled()
X = np.random.default_rng(0).random((50, 3))
for metric in ("l1", "l2", "sqeuclidean"):
    PrivateDistanceSum(metric, bounds=(0, 1), epsilon=1, noise="builtin").fit(X).query(X)
for features in ("orthogonal", "sorf"):
    options = {"bandwidth": 1.0, "epsilon": 1, "noise": "builtin", "features": features}
    PrivateKernelSum(**options).fit(X).query(X)
assert compiled() == before and sum(before) > 4, (before, compiled())
"""


def test_warmup_of_private_sums_leaves_nothing_to_compile():
    subprocess.run([sys.executable, "-c", PRIVACY_SCRIPT], check=True)


GP_SCRIPT = """
import numpy as np
from kernlab import warmup
from kernlab.gp import FunctionalTuckerRegressor, MarkovGPRegressor, _markov_numba
from kernlab.kernels import NNGP, _activations

def compiled():
    modules = _markov_numba, _activations
    members = [member for module in modules for member in vars(module).values()]
    return [len(member.signatures) for member in members if hasattr(member, "signatures")]

warmup.warm_up_gp()
before = compiled()
rng = np.random.default_rng(0)
X = rng.uniform(size=(60, 2))
y = X[:, 0] * X[:, 1] + 0.01 * rng.normal(size=60)
gp = MarkovGPRegressor().fit(X[:, :1], y)
gp.predict(X[:, :1], return_std=True)
gp.predict(X[:, :1], return_cov=True)
gp.sample_y(X[:, :1], random_state=0)
FunctionalTuckerRegressor(rank=1, n_init=1).fit(X, y).predict(X, return_std=True)
NNGP(activation="gelu")(X)
assert compiled() == before and sum(before) > 4, (before, compiled())
"""


def test_warmup_of_gaussian_processes_leaves_nothing_to_compile():
    subprocess.run([sys.executable, "-c", GP_SCRIPT], check=True)


EMBEDDING_SCRIPT = """
import warnings
from kernlab import warmup
from kernlab.datasets import make_swiss_roll
from kernlab.embedding import HeatGeodesicEmbedding, _geodesics, _mds_numba
from kernlab.gp import ManifoldGPRegressor
from kernlab.graph import _walks_numba
from kernlab.linalg import _heat_numba

def compiled():
    modules = _geodesics, _mds_numba, _walks_numba, _heat_numba
    members = [member for module in modules for member in vars(module).values()]
    return [len(member.signatures) for member in members if hasattr(member, "signatures")]

warmup.warm_up_embedding()
before = compiled()
warnings.simplefilter("ignore")
X = make_swiss_roll(300, noise=1.0, n_features=5, random_state=1).data
for settings in ({}, {"metric": "pruned"}, {"metric": "graph", "mds_weights": "power"}):
    model = HeatGeodesicEmbedding(3, n_landmarks=50, random_state=0, **settings).fit(X)
    model.transform(X[:5] + 0.1)
    model.geodesic_distances(X[:2])
ManifoldGPRegressor(n_eigenpairs=20).fit(X, X[:, 0]).predict(X[:5])
assert compiled() == before and sum(before) > 8, (before, compiled())
"""


def test_warmup_of_embeddings_leaves_nothing_to_compile():
    subprocess.run([sys.executable, "-c", EMBEDDING_SCRIPT], check=True)


CLUSTER_SCRIPT = """
from kernlab import warmup
from kernlab.cluster import GraphMeasureSearch, SparseGraphClustering
from kernlab.cluster import _kernel_kmeans_numba, _refine_numba
from kernlab.graph import GraphSketch, LandmarkLogEmbedding, planted_partition
from kernlab.linalg import _heat_numba

def compiled():
    modules = _kernel_kmeans_numba, _refine_numba, _heat_numba
    members = [member for module in modules for member in vars(module).values()]
    return [len(member.signatures) for member in members if hasattr(member, "signatures")]

warmup.warm_up_cluster()
before = compiled()
graph = planted_partition([40, 60], (0.3, 0.05), random_state=0).adjacency
GraphMeasureSearch(2, measures=["logcomm", "rsp"], params=2, random_state=0).fit(graph)
SparseGraphClustering(2, refine=True, random_state=0).fit(graph)
SparseGraphClustering(2, embedding="landmark", random_state=0).fit(graph)
for measure in ("scct", "rsp"):
    LandmarkLogEmbedding(2, measure=measure, random_state=0).fit(graph)
LandmarkLogEmbedding(2, measure="heat", param=50.0, random_state=0).fit(graph)
for measure in ("nheat", "modifppr"):
    GraphSketch(2, measure=measure, random_state=0).fit(graph)
assert compiled() == before and sum(before) > 6, (before, compiled())
"""


def test_warmup_of_clusters_leaves_nothing_to_compile():
    subprocess.run([sys.executable, "-c", CLUSTER_SCRIPT], check=True)
