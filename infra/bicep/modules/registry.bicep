// The images. Nobody signs in with a password: the cluster pulls and the pipeline pushes with their identities.
param location string
param tags object
param name string
param zoneRedundant bool
param privateEndpoints bool
param logsId string

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: name
  location: location
  tags: tags
  // Zones, private endpoints and retention need Premium.
  sku: { name: privateEndpoints || zoneRedundant ? 'Premium' : 'Standard' }
  properties: {
    adminUserEnabled: false
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
    zoneRedundancy: zoneRedundant ? 'Enabled' : 'Disabled'
    policies: {
      exportPolicy: { status: privateEndpoints ? 'disabled' : 'enabled' }
      retentionPolicy: { status: privateEndpoints || zoneRedundant ? 'enabled' : 'disabled', days: 30 }
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = registry.id
output name string = registry.name
output endpoint string = registry.properties.loginServer
