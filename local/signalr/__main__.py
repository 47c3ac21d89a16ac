"""`python -m local.signalr --port N --key-file FILE`: runs the stand-in until it is told to stop."""

import argparse
from pathlib import Path

from aiohttp import web

from local.signalr.server import create_app


def main() -> None:
    """Serve on the loopback interface; access logs are off because a client's URL holds its token."""
    parser = argparse.ArgumentParser(prog="python -m local.signalr", description=__doc__)
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--key-file", type=Path, required=True, help="a file with the access key")
    arguments = parser.parse_args()
    app = create_app(arguments.key_file.read_text(encoding="utf-8").strip())
    web.run_app(app, host="127.0.0.1", port=arguments.port, access_log=None, print=None, shutdown_timeout=1)


if __name__ == "__main__":
    main()
