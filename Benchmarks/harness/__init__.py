"""The parts of `Benchmarks/run`. README.md beside it says what is measured; cases.py is where to start reading."""
