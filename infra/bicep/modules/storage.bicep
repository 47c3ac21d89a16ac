// Tables and containers, each open to the one service that owns it. No account key, no public blob.
param location string
param tags object
param name string
param zoneRedundant bool
@description('{service, name}.')
param tables array
@description('{service, name}.')
param containers array
@description('Service → object id of its identity.')
param principals object
param services array
@description('Services that hand out user delegation SAS addresses.')
param delegatingServices array
param immutabilityDays int
param lockPolicy bool
param privateEndpoints bool
param logsId string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var tableContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobDelegator = 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
// Leases of timers and singletons: the Functions host makes and uses it (AzureWebJobsStorage).
var hostContainer = 'azure-webjobs-hosts'
var auditContainer = 'audit-leaves'

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateEndpoints ? 'Deny' : 'Allow'
    }
    encryption: {
      requireInfrastructureEncryption: true
      keySource: 'Microsoft.Storage'
      services: {
        blob: { enabled: true, keyType: 'Account' }
        table: { enabled: true, keyType: 'Account' }
        queue: { enabled: true, keyType: 'Account' }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 14 }
    containerDeleteRetentionPolicy: { enabled: true, days: 14 }
    // Uploads of data sets come straight from browsers and tools, by SAS address.
    cors: { corsRules: [] }
  }
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [for entry in tables: {
  parent: tableService
  name: entry.name
  properties: {}
}]

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for entry in containers: {
  parent: blobs
  name: entry.name
  properties: { publicAccess: 'None' }
}]

resource host 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: hostContainer
  properties: { publicAccess: 'None' }
}

resource audit 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  parent: blobs
  name: auditContainer
}

// Write once, read many: the audit service adds tiles and never changes one.
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2024-01-01' = {
  parent: audit
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutabilityDays
    allowProtectedAppendWrites: false
  }
  dependsOn: [container]
}

resource tableAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in tables: {
  scope: table[i]
  name: guid(account.id, 'table', entry.name, entry.service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableContributor)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
}]

resource containerAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in containers: {
  scope: container[i]
  name: guid(account.id, 'container', entry.name, entry.service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
}]

resource hostAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for service in services: {
  scope: host
  name: guid(account.id, 'host', service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobOwner)
    principalId: principals[service]
    principalType: 'ServicePrincipal'
  }
}]

resource delegation 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for service in delegatingServices: {
  scope: account
  name: guid(account.id, 'delegator', service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDelegator)
    principalId: principals[service]
    principalType: 'ServicePrincipal'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output id string = account.id
output name string = account.name
// A policy is locked by an action, not by a property: infra/deploy/cluster.sh does it when PLATFORM_LOCK_AUDIT is true.
output lockPolicy bool = lockPolicy
