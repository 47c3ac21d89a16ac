"""What the operator allows definitions to use."""

from dataclasses import dataclass

from chassis.settings import Settings
from durable.workflow.processes.programs import LANGUAGES, program_for


@dataclass(frozen=True)
class Permissions:
    """By default nothing that runs code of a tenant's, and no files."""

    processes: bool = False
    files: bool = False
    languages: frozenset[str] = frozenset(LANGUAGES)

    def runs(self, language: str) -> bool:
        """Whether scripts in the language can run here."""
        return language.lower() in self.languages


def permissions_of(settings: Settings) -> Permissions:
    """What the settings allow on this machine."""
    found = frozenset(name for name in LANGUAGES if program_for(name) is not None)
    return Permissions(
        processes=settings.workflow_processes != "off",
        files=settings.workflow_resources_dir is not None,
        languages=found,
    )
