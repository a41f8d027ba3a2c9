"""`strayline bench` on a Kafka that is started for it: what `make bench` runs.

python -m benchmarks.speed [--hdfs DATA] [--lines 200000] [--open-keys 1000] [--rounds 2] [--out FILE]

With `--hdfs` the lines are those of loghub's HDFS sample in the folder DATA instead of made ones. All other options are
the verb's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.hdfs import hdfs_lines
from daemon.cli import main as strayline
from daemon.errors import UnavailableError
from demo.broker import Cluster


def main() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--hdfs", type=Path)
    options, rest = parser.parse_known_args()
    try:
        with Cluster(say=lambda text: print(text, file=sys.stderr)) as cluster, tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": cluster.bootstrap_servers.split(",")}}))
            if options.hdfs is not None:
                records = Path(folder) / "HDFS"
                records.write_bytes(b"".join(value + b"\n" for _, _, value in hdfs_lines(options.hdfs)))
                rest += ["--file", str(records)]
            return strayline(["bench", "--config", str(config), *rest])
    except UnavailableError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
