"""How well departures from standard documents are found: `python -m benchmarks.documents FOLDER`."""
