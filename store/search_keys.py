"""The attributes that the index has: searched by, and returned by searches.

Standard: PS3.18 tables 10.6.1-5 (matching), 10.6.3-3 to 10.6.3-5 (returned attributes), with the
few more that viewers ask for.
Not here: how a value matches (`store.matching`).
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Column

from store.schema import instance, series, study

__all__ = ["BEYOND_COLUMNS", "DEPTH", "INSTANCE", "KEYS", "SERIES", "STUDY", "Key", "Level"]

Level = Literal["study", "series", "instance"]
DEPTH: Final[dict[Level, int]] = {"study": 0, "series": 1, "instance": 2}
"""How far a level is from the top."""


@dataclass(frozen=True)
class Key:
    """One attribute of the index.

    Attributes:
        tag, vr, level: the attribute, and whose it is.
        column: where it lies.
        required: returned even when empty (type R).
        known: returned whenever it has a value; otherwise only when asked for.
    """

    tag: int
    vr: str
    level: Level
    column: Column[Any]
    required: bool = False
    known: bool = True


STUDY = (
    Key(0x00080020, "DA", "study", study.c.study_date, required=True),
    Key(0x00080030, "TM", "study", study.c.study_time, required=True),
    Key(0x00080050, "SH", "study", study.c.accession_number, required=True),
    Key(0x00080090, "PN", "study", study.c.referring_physician_name, required=True),
    Key(0x00080201, "SH", "study", study.c.timezone_offset_from_utc),
    Key(0x00081030, "LO", "study", study.c.study_description),
    Key(0x00100010, "PN", "study", study.c.patient_name, required=True),
    Key(0x00100020, "LO", "study", study.c.patient_id, required=True),
    Key(0x00100030, "DA", "study", study.c.patient_birth_date, required=True),
    Key(0x00100040, "CS", "study", study.c.patient_sex, required=True),
    Key(0x0020000D, "UI", "study", study.c.study_instance_uid, required=True),
    Key(0x00200010, "SH", "study", study.c.study_id, required=True),
)
SERIES = (
    Key(0x00080021, "DA", "series", series.c.series_date),
    Key(0x00080031, "TM", "series", series.c.series_time),
    Key(0x00080060, "CS", "series", series.c.modality, required=True),
    Key(0x0008103E, "LO", "series", series.c.series_description),
    Key(0x00180015, "CS", "series", series.c.body_part_examined, known=False),
    Key(0x0020000E, "UI", "series", series.c.series_instance_uid, required=True),
    Key(0x00200011, "IS", "series", series.c.series_number, required=True),
    Key(0x00201209, "IS", "series", series.c.number_of_series_related_instances, required=True),
    Key(0x00400244, "DA", "series", series.c.performed_procedure_step_start_date),
    Key(0x00400245, "TM", "series", series.c.performed_procedure_step_start_time),
)
INSTANCE = (
    Key(0x00080016, "UI", "instance", instance.c.sop_class_uid, required=True),
    Key(0x00080018, "UI", "instance", instance.c.sop_instance_uid, required=True),
    Key(0x00083002, "UI", "instance", instance.c.available_transfer_syntax_uid),
    Key(0x00200013, "IS", "instance", instance.c.instance_number, required=True),
    Key(0x00280008, "IS", "instance", instance.c.number_of_frames),
    Key(0x00280010, "US", "instance", instance.c.rows),
    Key(0x00280011, "US", "instance", instance.c.columns),
    Key(0x00280100, "US", "instance", instance.c.bits_allocated),
)
KEYS = {key.tag: key for key in (*STUDY, *SERIES, *INSTANCE)}
MODALITIES_IN_STUDY: Final = 0x00080061
SOP_CLASSES_IN_STUDY: Final = 0x00080062
INSTANCE_AVAILABILITY: Final = 0x00080056
BEYOND_COLUMNS: Final = {MODALITIES_IN_STUDY: "CS", SOP_CLASSES_IN_STUDY: "UI"}
"""Keys that are answered from the rows below a study, with their VRs."""
