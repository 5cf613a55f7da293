"""Sees to it that no library writes values of data sets to the log.

pydicom warns of odd elements and quotes what they hold; pynetdicom can print whole data sets. What
the product itself logs names no value.
Not here: what a request is answered (`dicomweb.errors`, `dimse.statuses`).
"""

import logging
import warnings

__all__ = ["silence_libraries"]


def silence_libraries() -> None:
    """For this process: no warnings, and nothing from the libraries that see data sets."""
    warnings.simplefilter("ignore")
    for name in ("pydicom", "pynetdicom", "PIL"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
