"""What the audit service is made of, opened when first used."""

from functools import cache

from chassis.runtime import runtime_for
from functions.audit.appender import Appender
from functions.audit.repository import LogRepository
from functions.audit.service import AuditService

runtime = runtime_for("audit")


@cache
def repository() -> LogRepository:
    """The logs in the process's storage account."""
    return LogRepository(runtime.tables.table("auditlog"), runtime.blobs.container("audit-leaves"))


@cache
def appender() -> Appender:
    """The one appender of this process: it gathers concurrent triggers into transactions."""
    return Appender(repository())


@cache
def service() -> AuditService:
    """Reads the logs; keeps full tiles in memory."""
    return AuditService(repository())
