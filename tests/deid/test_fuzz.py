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

    limits = ["-timeout=20", "-report_slow_units=20", "-rss_limit_mb=1500"]
    limits += [f"-artifact_prefix={found}/"]
    run = subprocess.run(
        [*command, "-runs=10000", "-max_total_time=15", *limits, corpus],
        capture_output=True,
        text=True,
        check=False,
    )

    # On a machine that stands still for a while any input looks slow: findings are tried again.
    findings = list(found.iterdir())
    again = {
        path.name: subprocess.run([*command, *limits, path], capture_output=True, check=False)
        for path in findings
    }
    failed = [path for path in findings if again[path.name].returncode]
    assert not failed, [(path.name, path.read_bytes().hex()) for path in failed]
    assert findings or (run.returncode == 0 and "DONE" in run.stderr), run.stderr[-2000:]
