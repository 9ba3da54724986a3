"""``python -m whet``: the command line, where the script ``whet`` is not on the PATH."""

import os
import sys

if __name__ == "__main__":
    # The folder that ``-m`` puts first holds the user's files, whose names may be those of modules that whet needs.
    if not sys.flags.safe_path and sys.path[:1] in ([""], [os.getcwd()]):  # noqa: PTH109  # pathlib may be shadowed too
        del sys.path[0]
    from whet.cli.main import main

    main()
