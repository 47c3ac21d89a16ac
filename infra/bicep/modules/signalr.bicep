// Push, in serverless mode: the notification service negotiates and sends, clients hold their connections to Azure.
param location string
param tags object
param name string
param zoneRedundant bool
param senderPrincipal string
param privateEndpoints bool
param logsId string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var signalrServiceOwner = '7e4f1700-ea5a-4f59-8f37-079cfe29dce3'

resource signalr 'Microsoft.SignalRService/signalR@2023-02-01' = {
  name: name
  location: location
  tags: tags
  // One unit of Premium holds 1,000 connections; units are raised by hand or by autoscale, zones need Premium.
  sku: { name: zoneRedundant ? 'Premium_P1' : 'Standard_S1', tier: zoneRedundant ? 'Premium' : 'Standard', capacity: 1 }
  identity: { type: 'SystemAssigned' }
  kind: 'SignalR'
  properties: {
    disableLocalAuth: true
    disableAadAuth: false
    // Clients connect from the internet, servers from the network.
    publicNetworkAccess: 'Enabled'
    networkACLs: {
      defaultAction: 'Deny'
      publicNetwork: { allow: privateEndpoints ? ['ClientConnection', 'RESTAPI'] : ['ClientConnection', 'ServerConnection', 'RESTAPI'] }
    }
    features: [
      { flag: 'ServiceMode', value: 'Serverless' }
      { flag: 'EnableConnectivityLogs', value: 'True' }
    ]
    tls: { clientCertEnabled: false }
  }
}

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: signalr
  name: guid(signalr.id, senderPrincipal, signalrServiceOwner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', signalrServiceOwner)
    principalId: senderPrincipal
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: signalr
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = signalr.id
output endpoint string = 'https://${signalr.properties.hostName}'
