"""`strayline bench` on a Kafka that is started for it: what `make bench` runs.

python -m benchmarks.speed [--hdfs DATA [--copies 50 --first 1000000]] [--lines 200000] [--open-keys 1000] [--rounds 2]
    [--out FILE]

With `--hdfs` the lines are those of loghub's HDFS sample in the folder DATA instead of made ones; with `--copies 50` as
dense as the log that the sample is of, and of these the `--first` so many. All other options are the verb's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import islice
from pathlib import Path

import yaml

from benchmarks.hdfs import dense
from daemon.cli import main as strayline
from daemon.errors import UnavailableError
from demo.broker import Cluster


def main() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--hdfs", type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--first", type=int)
    options, rest = parser.parse_known_args()
    try:
        with Cluster(say=lambda text: print(text, file=sys.stderr)) as cluster, tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": cluster.bootstrap_servers.split(",")}}))
            if options.hdfs is not None:
                records = Path(folder) / "HDFS"
                lines = islice(dense(options.hdfs, options.copies), options.first)
                records.write_bytes(b"".join(value + b"\n" for _, _, value in lines))
                rest += ["--file", str(records)]
            return strayline(["bench", "--config", str(config), *rest])
    except UnavailableError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
