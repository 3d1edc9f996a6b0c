"""What pods reported: termination messages read tolerantly, and words for those that said none."""

from collections.abc import Iterable, Sequence

import msgspec

from synclog.api.run import FAILED, ExitCode, Purpose, RunResult, WindowText
from synclog.controller.objects import Pod
from synclog.windows import Window, format_time

_SIGNALS = {137: "Killed", 139: "Crashed", 143: "Terminated"}
_REASONS = {code.value: code.name.title().replace("_", "") for code in ExitCode}


def results_of(
    pods: Iterable[Pod], purpose: Purpose, windows: Sequence[Window]
) -> tuple[RunResult, ...]:
    """What the ended pods of one run reported, newest last.

    A pod that failed without a message is given one, so that a person reads *OOMKilled* and
    not *Failed*. A pod that succeeded without a message reports nothing: what it did is in the
    ledger, and the next run reads it there.
    """
    ended = sorted((_finished(pod), pod.name, pod) for pod in pods if _has_ended(pod))
    found = (_result_of(pod, purpose, windows) for _, _, pod in ended)
    return tuple(result for result in found if result is not None)


def _has_ended(pod: Pod) -> bool:
    return pod.ending is not None or pod.phase in ("Succeeded", "Failed")


def _finished(pod: Pod) -> int:
    return pod.ending.finished if pod.ending else pod.created


def _result_of(pod: Pod, purpose: Purpose, windows: Sequence[Window]) -> RunResult | None:
    ending = pod.ending
    if ending is not None and ending.message:
        try:
            return msgspec.json.decode(ending.message, type=RunResult)
        except msgspec.DecodeError:
            pass  # an exporter of another version, or one that died while it wrote
    if pod.phase == "Succeeded" or (ending is not None and ending.exit_code == 0):
        return None
    return RunResult(
        outcome=FAILED,
        reason=_reason(pod),
        message=_message(pod),
        exit_code=ending.exit_code if ending else ExitCode.UNEXPECTED,
        purpose=purpose,
        window=_window(pod, windows),
    )


def _reason(pod: Pod) -> str:
    """The most telling word: the pod's own, the container's, the exit code's."""
    if pod.reason:
        return pod.reason
    if pod.ending is None:
        return "PodFailed"
    if pod.ending.reason not in ("", "Error", "Completed"):
        return pod.ending.reason
    code = pod.ending.exit_code
    return _SIGNALS.get(code) or _REASONS.get(code) or f"Exit{code}"


def _message(pod: Pod) -> str:
    said = pod.message or (pod.ending.message if pod.ending else "")
    how = f"pod {pod.name} ended without a result"
    return f"{how}: {said}"[:1024] if said else f"{how}; its log may tell more"


def _window(pod: Pod, windows: Sequence[Window]) -> WindowText | None:
    if pod.index is None or pod.index >= len(windows):
        return None
    window = windows[pod.index]
    return WindowText(start=format_time(window.start), end=format_time(window.end))
