"""Time, speed, hardware and commit of a training, for the pages: runs/<run>/page/machine.js.

These facts have their own file, so that the bytes of the pages do not depend on the machine.
"""

import pandas as pd


def summarise(training: dict, throughput: pd.DataFrame) -> dict[str, str]:
    """Return the texts of the pages' cells with `data-machine`; `speed` is in images a second."""
    seconds = throughput.seconds.sum()
    return {
        "time": duration(seconds),
        "speed": f"{throughput.images.sum() / seconds:.0f}",
        "hardware": _hardware(training["computed"], training["hardware"]),
        "commit": commit(training["code"]),
    }


def duration(seconds: float) -> str:
    """Format seconds as `45 s`, `3 min 5 s` or `7 h 30 min`."""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def _hardware(computed: dict, hardware: dict) -> str:
    processes = computed["processes"]
    if computed["device"] == "cuda":
        parts = [f"{processes} × {hardware['gpus'][0]}"]
    else:
        parts = [hardware["cpu"], f"{processes * computed['threads']} threads"]
    return ", ".join([*parts, computed["precision"]])


def commit(code: dict) -> str:
    """Format the git commit in `code` of training.json, and whether files differed from it."""
    if code["revision"] is None:
        return "not under git"
    return code["revision"][:10] + (" with changes" if code["modified"] else "")
