"""Tests of the benchmark harness: its data, client, figures, page and configurations."""
