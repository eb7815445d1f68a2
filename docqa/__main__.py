"""Where the program begins, as `docqa` and as `python -m docqa`."""

import sys


def main() -> int:
    """Run the command line; returns its exit code. To load it takes a second, in which somebody may stop it, too."""
    try:
        from docqa import cli

        return cli.main()
    except KeyboardInterrupt:  # before a command began, so that nothing was
        return 130


if __name__ == "__main__":
    sys.exit(main())
