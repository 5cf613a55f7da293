"""What ``bench.index`` asks for beside the study list itself, and what each is compared with.

    as many studies match at each size     a page is compared with the same one of the fewest
    a part of all matches                  the same, where that part fills a page of the fewest, too
    a part that is too small for that      with another condition's page that is as full

Invariants: every condition is one that OHIF's study list sends; where the words or days in it
depend on the size, the kind of condition does not.
Not here: the rows that are asked for (``bench.index_rows``), measuring (``bench.index``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.index_rows import DAYS_OF_MONTH, FIRST_YEAR, YEARS

__all__ = ["LAST", "LIST", "PAGE", "QUERIES", "Condition", "query_of"]

PAGE = 101
LAST = 999 * PAGE
"""Where page 1,000 begins."""
FIELDS = "00081030%2C00080060%2C00080090%2C00100030"
LIST = f"limit={PAGE}&fuzzymatching=false&includefield={FIELDS}"
SOME_DAYS = 300
"""How many studies there are, at each size, in the days that are asked for."""


@dataclass(frozen=True)
class Condition:
    """What is asked for.

    Attributes:
        parameters: as OHIF writes them, for an index of so many studies.
        like: whose page the fewest studies fill, where they cannot fill one of this.
    """

    parameters: Callable[[int], str]
    like: str = ""


def query_of(name: str, size: int) -> str:
    """The whole query string of a condition, but for the offset."""
    return f"{LIST}&{QUERIES[name].parameters(size)}".rstrip("&")


def _always(parameters: str, like: str = "") -> Condition:
    return Condition(lambda _size: parameters, like)


def _oldest_tenth(size: int) -> str:
    # Patients are numbered as studies are: of a million, those below 100,000 begin with P00.
    return f"00100020=*P{'0' * (9 - len(str(size)))}*"


def _days(size: int) -> str:
    """The days, from one on, that have so many studies."""
    last = max(1, round(YEARS * 12 * DAYS_OF_MONTH * SOME_DAYS / size)) - 1
    months, day = divmod(last, DAYS_OF_MONTH)
    year, month = divmod(months, 12)
    first = FIRST_YEAR + 3
    return f"StudyDate={first}0101-{first + year}{month + 1:02}{day + 1:02}"


#: The second word says how many studies match, of however many.
QUERIES = {
    "all": _always(""),
    "PatientName, all": _always("PatientName=*Anon*"),
    "PatientName, a hundred": _always("PatientName=*Quixot*"),
    "PatientID, the oldest tenth": Condition(_oldest_tenth),
    "PatientID, one": _always("00100020=*P0000500*"),
    "AccessionNumber, one": _always("AccessionNumber=*A0000500*"),
    "StudyDescription, a tenth": _always("StudyDescription=*THORAX*"),
    "StudyDescription, a hundred": _always("StudyDescription=*ZEBRA*"),
    "ModalitiesInStudy, a quarter": _always("ModalitiesInStudy=CT"),
    "ModalitiesInStudy, twenty": _always("ModalitiesInStudy=OPT"),
    "StudyDate, days of 300": Condition(_days),
    "StudyDate, five years": _always("StudyDate=20180101-20221231"),
    "StudyDate, a week": _always("StudyDate=20200301-20200307", like="StudyDate, five years"),
    "CT in five years": _always("ModalitiesInStudy=CT&StudyDate=20180101-20221231"),
    "CT with THORAX, days of 300": Condition(
        lambda size: f"ModalitiesInStudy=CT&StudyDescription=*THORAX*&{_days(size)}"
    ),
    "CT with THORAX in a year": _always(
        "ModalitiesInStudy=CT&StudyDescription=*THORAX*&StudyDate=20200101-20201231",
        like="CT in five years",
    ),
}
