"""``python -m xrayscan``."""

from xrayscan.cli import main

if __name__ == "__main__":
    main()
