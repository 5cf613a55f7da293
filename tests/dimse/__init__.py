"""Tests of the DIMSE edge, with DCMTK, pynetdicom and bare sockets as peers."""
