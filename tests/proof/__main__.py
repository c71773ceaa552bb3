"""`python -m tests.proof`: see proving.py."""

from __future__ import annotations

import sys

from tests.proof.proving import main

if __name__ == "__main__":
    sys.exit(main())
