// Azure SQL for the Durable task hubs. Entra ID only: no SQL login exists.
param location string
param tags object
param name string
@description('{name, tier, capacity, minCapacity, autoPauseMinutes}.')
param database object
param zoneRedundant bool
@description('Entra group: {name, objectId}.')
param administrators object
param privateEndpoints bool
param logsId string

resource server 'Microsoft.Sql/servers@2023-08-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    minimalTlsVersion: '1.2'
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
    restrictOutboundNetworkAccess: 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      principalType: 'Group'
      login: administrators.name
      sid: administrators.objectId
      tenantId: tenant().tenantId
      azureADOnlyAuthentication: true
    }
  }
}

resource durable 'Microsoft.Sql/servers/databases@2023-08-01' = {
  parent: server
  name: 'durable'
  location: location
  tags: tags
  sku: { name: database.name, tier: database.tier, capacity: database.capacity }
  properties: {
    // What the MSSQL provider is made for (microsoft/durabletask-mssql, docs/taskhubs.md).
    collation: 'Latin1_General_100_BIN2_UTF8'
    zoneRedundant: zoneRedundant
    requestedBackupStorageRedundancy: zoneRedundant ? 'Zone' : 'Local'
    autoPauseDelay: database.autoPauseMinutes
    minCapacity: empty(database.minCapacity) ? null : json(database.minCapacity)
  }
}

resource auditing 'Microsoft.Sql/servers/auditingSettings@2023-08-01' = {
  parent: server
  name: 'default'
  properties: {
    state: 'Enabled'
    isAzureMonitorTargetEnabled: true
    retentionDays: 90
  }
}

resource threats 'Microsoft.Sql/servers/securityAlertPolicies@2023-08-01' = {
  parent: server
  name: 'Default'
  properties: {
    state: 'Enabled'
    emailAccountAdmins: true
  }
}

// In development the cluster reaches the server over Azure's own network; production has a private endpoint.
resource azureServices 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!privateEndpoints) {
  parent: server
  name: 'AllowAllWindowsAzureIps'
  properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: durable
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'Basic', enabled: true }]
  }
}

output id string = server.id
output databaseId string = durable.id
output host string = server.properties.fullyQualifiedDomainName
