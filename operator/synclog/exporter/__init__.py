"""What runs in the pod of an export Job, and on a laptop: from the source to verified files."""

import os

# numpy's linear algebra is not used, but would start a thread for each core of the node.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
