"""The composition root: registers the blueprints of the services in PLATFORM_SERVICES (unset: all nine).

One process may run one service, as each container does, or all of them, as `func start` in the repo root does.
"""

from importlib import import_module

import azure.durable_functions as df
import azure.functions as func

from chassis.settings import get_settings

DURABLE_TOPICS = {"workflow": ("workflow",), "processing": ("jobs",)}
"""The durable topics that each service brings along."""


def create_app(services: tuple[str, ...]) -> df.DFApp:
    """The function app of these services, in order."""
    application = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for service in services:
        application.register_functions(import_module(f"functions.{service}.blueprint").blueprint)
        for topic in DURABLE_TOPICS.get(service, ()):
            application.register_functions(import_module(f"durable.{topic}.blueprint").blueprint)
    return application


app = create_app(get_settings().services)
