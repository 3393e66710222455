"""What a measurement yields, and how its values are summed up."""

import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    name: str
    measured: str
    bar: str = ""
    passed: bool | None = None  # None: no bar, or the run is void
    note: str = ""


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def spread(values, digits=2):
    low, middle, high = quartiles(values)
    return f"{middle:.{digits}f} (IQR {low:.{digits}f}–{high:.{digits}f})"
