"""The URLs of the management API, and the JSON of the durable client binding that carries them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

WEBHOOK_PATH = "/runtime/webhooks/durabletask"
_ID = "INSTANCEID"


@dataclass(frozen=True, slots=True)
class Links:
    """URLs under `base_url` (scheme, host and port) for one hub."""

    base_url: str
    hub: str

    @property
    def root(self) -> str:
        """Where the API is mounted, without a slash at the end."""
        return self.base_url.rstrip("/") + WEBHOOK_PATH

    def management(self, instance_id: str, hub: str | None = None, connection: str | None = None) -> dict[str, str]:
        """The addresses of one instance, in the names and order of the extension."""
        instance = f"{self.root}/instances/{quote(instance_id, safe='')}"
        suffix = f"taskHub={quote(hub or self.hub)}&connection={quote(connection or 'Storage')}"
        reason = f"reason={{text}}&{suffix}"
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{instance}?{suffix}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{suffix}",
            "terminatePostUri": f"{instance}/terminate?{reason}",
            "rewindPostUri": f"{instance}/rewind?{reason}",
            "purgeHistoryDeleteUri": f"{instance}?{suffix}",
            "restartPostUri": f"{instance}/restart?{suffix}",
            "suspendPostUri": f"{instance}/suspend?{reason}",
            "resumePostUri": f"{instance}/resume?{reason}",
        }

    def client_binding(self, hub: str | None, connection: str | None) -> str:
        """What the `durableClient` input binding gives to DurableOrchestrationClient."""
        create = f"{self.root}/orchestrators/{{functionName}}[/{{instanceId}}]"
        wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
        return json.dumps(
            {
                "taskHubName": hub or self.hub,
                "creationUrls": {
                    "createNewInstancePostUri": create,
                    "createAndWaitOnNewInstancePostUri": f"{create}?{wait}",
                },
                "managementUrls": self.management(_ID, hub, connection),
                "baseUrl": self.root,
                "requiredQueryStringParameters": "",
                "rpcBaseUrl": f"{self.root}/",
            }
        )
