"""The Azure resource types that `infra/bicep` uses: API version, properties that must be there, values that must hold.

Versions and required properties were compared with the published types of Bicep's own compiler
(https://github.com/Azure/bicep-types-az, August 2026); each version is stable, but for one that is only in preview.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AzureType:
    """One type: its API version, the paths that a resource of it must give, and values that are not ours to relax."""

    version: str
    required: tuple[str, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)


_ROLE = ("name", "scope", "properties.roleDefinitionId", "properties.principalId", "properties.principalType")

TYPES: dict[str, AzureType] = {
    "Microsoft.AlertsManagement/prometheusRuleGroups": AzureType(
        "2023-03-01", ("name", "location", "properties.scopes", "properties.rules", "properties.interval")
    ),
    "Microsoft.Authorization/roleAssignments": AzureType("2022-04-01", _ROLE),
    "Microsoft.Consumption/budgets": AzureType(
        "2023-11-01",
        (
            "name",
            "properties.amount",
            "properties.category",
            "properties.timeGrain",
            "properties.timePeriod.startDate",
            "properties.notifications",
        ),
    ),
    "Microsoft.ContainerRegistry/registries": AzureType(
        "2023-07-01", ("name", "location", "sku.name"), {"properties.adminUserEnabled": False}
    ),
    "Microsoft.ContainerService/managedClusters": AzureType(
        "2025-05-01",
        (
            "name",
            "location",
            "identity.type",
            "properties.dnsPrefix",
            "properties.agentPoolProfiles",
            "properties.autoUpgradeProfile.upgradeChannel",
        ),
        {
            "properties.disableLocalAccounts": True,
            "properties.enableRBAC": True,
            "properties.aadProfile.enableAzureRBAC": True,
            "properties.oidcIssuerProfile.enabled": True,
            "properties.securityProfile.workloadIdentity.enabled": True,
            "properties.workloadAutoScalerProfile.keda.enabled": True,
            "properties.azureMonitorProfile.metrics.enabled": True,
            "properties.networkProfile.networkPlugin": "azure",
            "properties.networkProfile.networkPluginMode": "overlay",
            "properties.networkProfile.networkPolicy": "cilium",
        },
    ),
    "Microsoft.ContainerService/managedClusters/maintenanceConfigurations": AzureType("2025-05-01", ("name", "parent")),
    "Microsoft.Dashboard/grafana": AzureType(
        "2023-09-01", ("name", "location", "sku.name"), {"properties.apiKey": "Disabled"}
    ),
    "Microsoft.Insights/actionGroups": AzureType(
        "2023-01-01", ("name", "location", "properties.groupShortName", "properties.enabled")
    ),
    "Microsoft.Insights/components": AzureType(
        "2020-02-02", ("name", "location", "kind", "properties.Application_Type"), {"properties.DisableLocalAuth": True}
    ),
    "Microsoft.Insights/dataCollectionEndpoints": AzureType("2023-03-11", ("name", "location")),
    "Microsoft.Insights/dataCollectionRuleAssociations": AzureType(
        "2023-03-11", ("name", "scope", "properties.dataCollectionRuleId")
    ),
    "Microsoft.Insights/dataCollectionRules": AzureType("2023-03-11", ("name", "location", "properties.dataFlows")),
    # The only version that has categoryGroup; it never left preview.
    "Microsoft.Insights/diagnosticSettings": AzureType(
        "2021-05-01-preview", ("name", "scope", "properties.workspaceId")
    ),
    "Microsoft.Insights/metricAlerts": AzureType(
        "2018-03-01",
        (
            "name",
            "location",
            "properties.criteria",
            "properties.enabled",
            "properties.evaluationFrequency",
            "properties.scopes",
            "properties.severity",
            "properties.windowSize",
            "properties.actions",
        ),
    ),
    "Microsoft.KeyVault/vaults": AzureType(
        "2023-07-01",
        ("name", "location", "properties.tenantId", "properties.sku.family", "properties.sku.name"),
        {
            "properties.enableRbacAuthorization": True,
            "properties.enablePurgeProtection": True,
            "properties.enableSoftDelete": True,
        },
    ),
    "Microsoft.ManagedIdentity/userAssignedIdentities": AzureType("2023-01-31", ("name", "location")),
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials": AzureType(
        "2023-01-31", ("name", "parent", "properties.issuer", "properties.subject", "properties.audiences")
    ),
    "Microsoft.Monitor/accounts": AzureType("2023-04-03", ("name", "location")),
    "Microsoft.Network/networkSecurityGroups": AzureType("2024-05-01", ("name", "location")),
    "Microsoft.Network/privateDnsZones": AzureType("2024-06-01", ("name", "location")),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": AzureType(
        "2024-06-01", ("name", "parent", "location", "properties.virtualNetwork.id")
    ),
    "Microsoft.Network/privateEndpoints": AzureType(
        "2024-05-01", ("name", "location", "properties.subnet.id", "properties.privateLinkServiceConnections")
    ),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": AzureType("2024-05-01", ("name", "parent")),
    "Microsoft.Network/virtualNetworks": AzureType("2024-05-01", ("name", "location", "properties.addressSpace")),
    "Microsoft.OperationalInsights/workspaces": AzureType(
        "2023-09-01", ("name", "location"), {"properties.features.disableLocalAuth": True}
    ),
    "Microsoft.Resources/resourceGroups": AzureType("2024-03-01", ("name", "location")),
    "Microsoft.ServiceBus/namespaces": AzureType(
        "2024-01-01", ("name", "location", "sku.name"), {"properties.disableLocalAuth": True, "sku.name": "Premium"}
    ),
    "Microsoft.ServiceBus/namespaces/queues": AzureType(
        "2024-01-01", ("name", "parent"), {"properties.maxDeliveryCount": 5}
    ),
    "Microsoft.ServiceBus/namespaces/topics": AzureType("2024-01-01", ("name", "parent")),
    "Microsoft.ServiceBus/namespaces/topics/subscriptions": AzureType(
        "2024-01-01", ("name", "parent", "properties.forwardTo")
    ),
    "Microsoft.ServiceBus/namespaces/topics/subscriptions/rules": AzureType(
        "2024-01-01", ("name", "properties.filterType", "properties.sqlFilter.sqlExpression")
    ),
    "Microsoft.SignalRService/signalR": AzureType(
        "2023-02-01", ("name", "location", "sku.name"), {"properties.disableLocalAuth": True}
    ),
    "Microsoft.Sql/servers": AzureType(
        "2023-08-01", ("name", "location"), {"properties.administrators.azureADOnlyAuthentication": True}
    ),
    "Microsoft.Sql/servers/auditingSettings": AzureType(
        "2023-08-01", ("name", "parent"), {"properties.state": "Enabled"}
    ),
    "Microsoft.Sql/servers/databases": AzureType("2023-08-01", ("name", "parent", "location", "sku.name")),
    "Microsoft.Sql/servers/firewallRules": AzureType("2023-08-01", ("name", "parent")),
    "Microsoft.Sql/servers/securityAlertPolicies": AzureType(
        "2023-08-01", ("name", "parent"), {"properties.state": "Enabled"}
    ),
    "Microsoft.Storage/storageAccounts": AzureType(
        "2024-01-01",
        ("name", "location", "kind", "sku.name"),
        {
            "properties.allowSharedKeyAccess": False,
            "properties.allowBlobPublicAccess": False,
            "properties.minimumTlsVersion": "TLS1_2",
            "properties.supportsHttpsTrafficOnly": True,
        },
    ),
    "Microsoft.Storage/storageAccounts/blobServices": AzureType("2024-01-01", ("name", "parent")),
    "Microsoft.Storage/storageAccounts/blobServices/containers": AzureType(
        "2024-01-01", ("name", "parent"), {"properties.publicAccess": "None"}
    ),
    "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies": AzureType(
        "2024-01-01", ("name", "parent", "properties.immutabilityPeriodSinceCreationInDays")
    ),
    "Microsoft.Storage/storageAccounts/queueServices": AzureType("2024-01-01", ("name", "parent")),
    "Microsoft.Storage/storageAccounts/queueServices/queues": AzureType("2024-01-01", ("name", "parent")),
    "Microsoft.Storage/storageAccounts/tableServices": AzureType("2024-01-01", ("name", "parent")),
    "Microsoft.Storage/storageAccounts/tableServices/tables": AzureType("2024-01-01", ("name", "parent")),
}

BUILT_IN_ROLES: dict[str, str] = {
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "Azure Service Bus Data Sender",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "Azure Service Bus Data Receiver",
    "090c5cfd-751d-490a-894a-3ce6f1109419": "Azure Service Bus Data Owner",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "8a0f0c08-91a1-4084-bc3d-661d67233fed": "Storage Queue Data Message Processor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "19e7f393-937e-4f77-808e-94535e297925": "Storage Queue Data Reader",
    "7e4f1700-ea5a-4f59-8f37-079cfe29dce3": "SignalR Service Owner",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "AcrPush",
    "4d97b98b-1d4f-4787-a291-c67834d212e7": "Network Contributor",
    "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b": "Azure Kubernetes Service RBAC Cluster Admin",
    "4abbcc35-e782-43d8-92c5-2d3f1bd2253f": "Azure Kubernetes Service Cluster User Role",
    "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb": "Azure Kubernetes Service RBAC Writer",
    "b0d8363b-8ddd-447d-831f-62ca05bff136": "Monitoring Data Reader",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "22926164-76b3-42b3-bc55-97df8dab3e41": "Grafana Admin",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles; none that owns or contributes to all."""
