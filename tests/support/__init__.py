"""What several tests need: data sets made in code, a running server, real peers."""
