// Logs, traces, metrics and the board to look at them.
param location string
param tags object
param logsName string
param insightsName string
param metricsName string
param grafanaName string
param zoneRedundant bool
param privateEndpoints bool
param administratorsId string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var monitoringDataReader = 'b0d8363b-8ddd-447d-831f-62ca05bff136'
var monitoringReader = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'
var grafanaAdmin = '22926164-76b3-42b3-bc55-97df8dab3e41'

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: logsName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    DisableLocalAuth: true
  }
}

resource metrics 'Microsoft.Monitor/accounts@2023-04-03' = {
  name: metricsName
  location: location
  tags: tags
  properties: {
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
  }
}

resource grafana 'Microsoft.Dashboard/grafana@2023-09-01' = {
  name: grafanaName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  identity: { type: 'SystemAssigned' }
  properties: {
    apiKey: 'Disabled'
    deterministicOutboundIP: 'Disabled'
    // People read it in a browser, with their Entra login.
    publicNetworkAccess: 'Enabled'
    zoneRedundancy: zoneRedundant ? 'Enabled' : 'Disabled'
    grafanaIntegrations: {
      azureMonitorWorkspaceIntegrations: [{ azureMonitorWorkspaceResourceId: metrics.id }]
    }
  }
}

resource grafanaReadsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: metrics
  name: guid(metrics.id, grafana.id, monitoringDataReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringDataReader)
    principalId: grafana.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource grafanaReadsLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: logs
  name: guid(logs.id, grafana.id, monitoringReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringReader)
    principalId: grafana.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource administratorsOfGrafana 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: grafana
  name: guid(grafana.id, administratorsId, grafanaAdmin)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grafanaAdmin)
    principalId: administratorsId
    principalType: 'Group'
  }
}

output logsId string = logs.id
output insightsName string = insights.name
output insightsConnection string = insights.properties.ConnectionString
output metricsId string = metrics.id
output metricsName string = metrics.name
output prometheusEndpoint string = metrics.properties.metrics.prometheusQueryEndpoint
output grafanaName string = grafana.name
