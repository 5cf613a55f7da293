"""Tests of ``deid``: planted identities, real files, damaged files, and pydicom as the oracle."""
