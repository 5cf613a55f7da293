"""A bounded run of the fuzzer; ``fuzz_walker`` says what it looks for."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = "tests.deid.fuzz_walker"


@pytest.mark.integration
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)
def test_a_bounded_run_finds_nothing(tmp_path: Path) -> None:
    corpus, found = tmp_path / "corpus", tmp_path / "found"
    corpus.mkdir()
    found.mkdir()
    command = [sys.executable, "-m", MODULE]
    subprocess.run([*command, "--seeds", corpus], check=True)
    assert len(list(corpus.iterdir())) > 50

    limits = ["-runs=10000", "-max_total_time=15", "-timeout=20", "-rss_limit_mb=1500"]
    run = subprocess.run(
        [*command, *limits, f"-artifact_prefix={found}/", corpus],
        capture_output=True,
        text=True,
        check=False,
    )

    crashes = {path.name: path.read_bytes().hex() for path in found.iterdir()}
    assert (run.returncode, crashes) == (0, {}), run.stderr[-4000:]
    assert "DONE" in run.stderr
