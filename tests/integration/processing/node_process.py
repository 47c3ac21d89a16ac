"""One processing node as a process: `python -m tests.integration.processing.node_process`."""

import asyncio
import logging
import os

from tests.integration.processing.nodes import Parts


async def main() -> None:
    """Work until killed."""
    logging.basicConfig(level=logging.WARNING)
    node = Parts(os.environ["STORAGE"]).node()
    node.ensure()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
