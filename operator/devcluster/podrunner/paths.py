"""Replaces the paths of a container by the local paths that stand for them."""

import re
from collections.abc import Mapping
from pathlib import Path

_BEFORE = r"(?<![\w./-])"  # the path must begin here: not "/srv/data" for "/data"
_AFTER = r"(?![\w.-])"  # and its last name must end here: not "/database" for "/data"


class PathMap:
    """Absolute paths inside a container, and the local ones in their place.

    A path counts where it stands alone or after a character that cannot belong to a path, such
    as ``=``, ``:``, a quote or a blank; the longest mounted path wins.
    """

    def __init__(self, local: Mapping[str, Path]) -> None:
        self._local = {inside.rstrip("/"): str(path) for inside, path in local.items()}
        longest_first = sorted(filter(None, self._local), key=len, reverse=True)
        names = "|".join(re.escape(inside) for inside in longest_first)
        self._pattern = re.compile(f"{_BEFORE}(?:{names}){_AFTER}") if names else None

    def rewrite(self, text: str) -> str:
        """The text with every such path replaced."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._local[match[0]], text)
