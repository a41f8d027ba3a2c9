"""`strayline bench` on a Kafka that is started for it: what `make bench` runs.

python -m benchmarks.speed [--lines 200000] [--open-keys 1000] [--rounds 2] [--out FILE]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from daemon.cli import main as strayline
from daemon.errors import UnavailableError
from demo.broker import Cluster


def main() -> int:
    try:
        with Cluster(say=lambda text: print(text, file=sys.stderr)) as cluster, tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": cluster.bootstrap_servers.split(",")}}))
            return strayline(["bench", "--config", str(config), *sys.argv[1:]])
    except UnavailableError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
