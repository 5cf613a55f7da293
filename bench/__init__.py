"""Benchmarks of this server against its peers and against the floor of the machine.

May import: no package of this project, since every server is driven from outside, over its network
ports, exactly as its peers are.

Entry points: ``python -m bench`` (the command line, in ``__main__``); ``bench.work.ROWS`` (what is
measured); ``bench.peers`` (what it is measured on); ``bench.report.render`` (the published table).
"""

__all__ = ["__version__"]

__version__ = "1"
