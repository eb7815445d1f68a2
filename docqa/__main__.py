"""`python -m docqa` is `docqa`."""

import sys

from docqa.cli import main

sys.exit(main())
