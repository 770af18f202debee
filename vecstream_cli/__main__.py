"""``python -m vecstream_cli``."""

import sys

from vecstream_cli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
