"""`python -m daemon.cli` is `strayline`."""

import sys

from daemon.cli import main

sys.exit(main())
