"""Where a range is cut that is read in parts, and what is asked for each part.

Sources may show fewer digits of a time than they select by. So parts end at whole seconds where
they can, and times that look alike are kept together for as long as that makes a part smaller.
"""

from collections.abc import Iterator

from synclog.exporter.source.answer import Answer, Asked
from synclog.windows import SECOND, Window, to_second


def parts_of(whole: Answer) -> Iterator[Window]:
    """Cut the window of an answer about its records; without any, in the middle."""
    start, end = whole.window.start, whole.window.end
    first, last = whole.first, whole.last
    if first is None or last is None:
        cuts = [(start + end) // 2]
    elif first < last:
        middle = (first + last + 1) // 2
        # A whole second cuts alike for a source that knows finer times than it shows.
        evens = (at - at % SECOND for at in (middle, last))
        cuts = [next((even for even in evens if first < even), middle)]
    elif _may_be_finer(whole) and (start < first or first + SECOND < end):
        cuts = [first, first + SECOND]
    elif first + 2 < end or start < first:
        # What is shown as this may be known at a finer time; it shows where that is asked for.
        cuts = [first, first + 2]
    else:
        cuts = [first, first + 1]
    edges = sorted({start, end, *(cut for cut in cuts if start < cut < end)})
    for at, edge in enumerate(edges[1:]):
        yield Window(edges[at], edge)


def _may_be_finer(answer: Answer) -> bool:
    """Whether a source that shows whole seconds may know the records at finer times."""
    return answer.first == answer.last and answer.first is not None and not answer.first % SECOND


def closely(window: Window, whole: Answer) -> Asked | None:
    """Bounds with the least margin for a part of a body that does not tell its end.

    A larger one may take in a whole burst, so that the part is as large as the whole. None where
    times are shown in whole seconds: then the source may itself know finer ones.
    """
    if not is_streamed(whole) or not any(at and at % SECOND for at in (whole.first, whole.last)):
        return None
    return Asked(window.start - 1, to_second(window.end))


def is_streamed(answer: Answer) -> bool:
    """Whether it is a body that does not tell its end. Pages, whose size is known, always do."""
    return answer.page_size is None and not answer.tells_the_end
