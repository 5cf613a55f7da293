"""Which attributes belong to patient, study or series, the same in all instances of it.

Standard: PS3.3 C.2.2, C.2.3, C.7.1 (Patient), C.7.2 (Study), C.7.3 (Series), C.7.4.1 (Frame of
Reference), C.7.5 (Equipment), and the clinical trial's modules beside them.
Not here: the attributes that the index has columns for (`store.search_keys`).
"""

from typing import Final

from store.search_keys import KEYS, Level

__all__ = ["level_of"]

_STUDY: Final = frozenset(
    {
        *(0x00080054, 0x00080061, 0x00080062, 0x00080063, 0x00080090, 0x00080092, 0x00080096),
        *(0x0008009C, 0x0008009D, 0x00080051, 0x00080201, 0x00081030, 0x00081032, 0x00081048),
        *(0x00081049, 0x00081060, 0x00081062, 0x00081080, 0x00081084, 0x00081110, 0x00081120),
        *(0x00120010, 0x00120020, 0x00120021, 0x00120030, 0x00120031, 0x00120040, 0x00120042),
        *(0x00120050, 0x00120051, 0x00120052, 0x00120062, 0x00120063, 0x00120064, 0x00120081),
        *(0x00120082, 0x00120083, 0x00120084, 0x00120085, 0x00120086, 0x00120087),
        *(0x00201070, 0x00201206, 0x00201208, 0x00321030, 0x00321032, 0x00321033, 0x00321034),
        *(0x00321060, 0x00321064, 0x00321066, 0x00321067, 0x00380010, 0x00380014, 0x00380060),
        *(0x00380062, 0x00380064, 0x00380500, 0x00401012),
    }
)
_SERIES: Final = frozenset(
    {
        *(0x00080064, 0x00080068, 0x00080070, 0x00080080, 0x00080081, 0x00080082, 0x00081010),
        *(0x00081040, 0x00081041, 0x00081050, 0x00081052, 0x00081070, 0x00081072, 0x0008103F),
        *(0x00081090, 0x00081111, 0x00081250, 0x00120060, 0x00120071, 0x00120072, 0x00181000),
        *(0x00181002, 0x0018100A, 0x0018100B, 0x00181020, 0x00181030, 0x00181200, 0x00181201),
        *(0x00185100, 0x00200052, 0x00200060, 0x00201040, 0x00280108, 0x00280109, 0x00400250),
        *(0x00400251, 0x00400253, 0x00400254, 0x00400260, 0x00400275, 0x00400280),
    }
)
_PATIENT_GROUP: Final = 0x0010


def level_of(tag: int) -> Level:
    """The level of an attribute; that of instances for all that is not known to be above."""
    if tag in KEYS:
        return KEYS[tag].level
    if tag >> 16 == _PATIENT_GROUP or tag in _STUDY:
        return "study"
    return "series" if tag in _SERIES else "instance"
