// One identity a service, bound to its Kubernetes service account; one for KEDA; one for the pipelines.
// What an identity may do is written where the resource is.
param location string
param tags object
param services array
param durableServices array
param prefix string
param suffix string
param issuer string
param environmentName string
param pipelineRepository string
param registryName string
param clusterName string
param metricsName string
param insightsName string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec'
var clusterUser = '4abbcc35-e782-43d8-92c5-2d3f1bd2253f'
var clusterWriter = 'a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb'
var monitoringDataReader = 'b0d8363b-8ddd-447d-831f-62ca05bff136'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var audience = 'api://AzureADTokenExchange'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-05-01' existing = {
  name: clusterName
}

resource metrics 'Microsoft.Monitor/accounts@2023-04-03' existing = {
  name: metricsName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = [for service in services: {
  name: '${prefix}${service}'
  location: location
  tags: tags
}]

resource credential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [for (service, i) in services: {
  parent: identity[i]
  name: 'pod'
  properties: {
    issuer: issuer
    subject: 'system:serviceaccount:platform:${service}'
    audiences: [audience]
  }
}]

resource durable 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = [for service in durableServices: {
  name: '${prefix}${service}'
}]

// The task hub is that of the database user who asks: for the durable backlog KEDA asks as the service.
// Credentials of one identity are made one after the other: Entra refuses two at once.
resource backlog 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [for (service, i) in durableServices: {
  parent: durable[i]
  name: 'keda'
  properties: {
    issuer: issuer
    subject: 'system:serviceaccount:kube-system:keda-operator'
    audiences: [audience]
  }
  dependsOn: [credential]
}]

resource scaler 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}keda'
  location: location
  tags: tags
}

resource scalerCredential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: scaler
  name: 'keda'
  properties: {
    issuer: issuer
    subject: 'system:serviceaccount:kube-system:keda-operator'
    audiences: [audience]
  }
}

resource scalerReadsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: metrics
  name: guid(metrics.id, scaler.id, monitoringDataReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringDataReader)
    principalId: scaler.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource sendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (service, i) in services: {
  scope: insights
  name: guid(insights.id, service, metricsPublisher)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: identity[i].properties.principalId
    principalType: 'ServicePrincipal'
  }
}]

resource pipeline 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (!empty(pipelineRepository)) {
  name: '${prefix}pipeline-${suffix}'
  location: location
  tags: tags
}

resource pipelineCredential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (!empty(pipelineRepository)) {
  parent: pipeline
  name: 'github'
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    subject: 'repo:${pipelineRepository}:environment:${environmentName}'
    audiences: [audience]
  }
}

resource pipelinePushes 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(pipelineRepository)) {
  scope: registry
  name: guid(registry.id, 'pipeline', acrPush)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
    principalId: pipeline!.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource pipelineSignsIn 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(pipelineRepository)) {
  scope: cluster
  name: guid(cluster.id, 'pipeline', clusterUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', clusterUser)
    principalId: pipeline!.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource pipelineRollsOut 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(pipelineRepository)) {
  scope: cluster
  name: guid(cluster.id, 'pipeline', clusterWriter)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', clusterWriter)
    principalId: pipeline!.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource pipelineReadsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(pipelineRepository)) {
  scope: metrics
  name: guid(metrics.id, 'pipeline', monitoringDataReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringDataReader)
    principalId: pipeline!.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

output principals object = toObject(range(0, length(services)), i => services[i], i => identity[i].properties.principalId)
output clientIds object = toObject(range(0, length(services)), i => services[i], i => identity[i].properties.clientId)
output scalerPrincipal string = scaler.properties.principalId
output scalerClientId string = scaler.properties.clientId
