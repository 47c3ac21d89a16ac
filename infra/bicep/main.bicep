// All of the platform on Azure, in one resource group. `azd up` deploys it (azure.yaml); what the services need is read
// from their service.yaml, so that a queue, table or container is named once.
targetScope = 'subscription'

@description('Name of the environment: part of every name.')
@minLength(2)
@maxLength(12)
param environmentName string

@description('Region of everything; one with three availability zones.')
param location string

@description('Where commands and events travel: Service Bus Premium, or storage queues (development: no messaging unit to pay).')
@allowed(['servicebus', 'storage'])
param messaging string

@description('Everything behind private endpoints, nothing of the data plane reachable from the internet.')
param privateEndpoints bool

@description('Availability zones of nodes and data.')
param zones array

@description('Size of the node pools.')
param nodes object

@description('Size of the database: name, tier, capacity and idle minutes before it pauses (-1: never).')
param database object

@description('Messaging units of Service Bus Premium.')
param messagingUnits int

@description('Days that an audit blob can be neither changed nor removed.')
param auditImmutabilityDays int

@description('Whether the audit policy is locked: then nobody can shorten or remove it any more.')
param lockAuditPolicy bool

@description('Budget of a month, in the currency of the subscription, and who hears of it.')
param budget object

@description('Mail address that alerts go to.')
param alertEmail string

@description('Entra group that administers cluster, database and dashboards.')
param administrators object

@description('GitHub repository (owner/name) whose pipelines may deploy here; empty: none.')
param pipelineRepository string = ''

@description('First day of the budget, first of a month.')
param budgetStart string = utcNow('yyyy-MM-01')

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var suffix = '${environmentName}-${token}'
var tags = { 'azd-env-name': environmentName, platform: 'enterprise-platform' }

var manifests = [
  loadYamlContent('../../functions/gateway/service.yaml')
  loadYamlContent('../../functions/identity/service.yaml')
  loadYamlContent('../../functions/metadata/service.yaml')
  loadYamlContent('../../functions/workflow/service.yaml')
  loadYamlContent('../../functions/processing/service.yaml')
  loadYamlContent('../../functions/reporting/service.yaml')
  loadYamlContent('../../functions/notification/service.yaml')
  loadYamlContent('../../functions/audit/service.yaml')
  loadYamlContent('../../functions/monitoring/service.yaml')
]
var services = map(manifests, m => m.service)
// Services with durable topics (function_app.py): their identities are users of the database, and KEDA asks as them.
var durableServices = ['workflow', 'processing']
// Services that hand out short-lived blob addresses (user delegation SAS).
var delegatingServices = ['processing']

var queueReaders = flatten(map(manifests, m => map(m.?queues ?? [], q => { service: m.service, name: q.name })))
// Partitions of streams: storage queues in every environment, which the service's own nodes fill and empty.
var partitions = flatten(map(manifests, m => flatten(map(m.?partitionedQueues ?? [], p => map(range(0, p.partitions), i => { service: m.service, name: '${p.name}-${i}' })))))
var queueSenders = flatten(map(manifests, m => map(m.?sends ?? [], q => { service: m.service, name: q })))
var announcers = map(filter(manifests, m => length(m.?emits ?? []) > 0), m => m.service)
var tables = flatten(map(manifests, m => map(m.?tables ?? [], t => { service: m.service, name: t })))
var containers = flatten(map(manifests, m => map(m.?containers ?? [], c => { service: m.service, name: c })))
var subscribers = flatten(map(manifests, m => m.?subscriptions ?? []))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: '${abbreviations.resourceGroup}${environmentName}'
  location: location
  tags: tags
}

module network 'modules/network.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.network}${suffix}'
    securityGroupName: '${abbreviations.securityGroup}${suffix}'
  }
}

module observability 'modules/observability.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    logsName: '${abbreviations.logs}${suffix}'
    insightsName: '${abbreviations.insights}${suffix}'
    metricsName: '${abbreviations.metrics}${suffix}'
    // Grafana's names have at most 23 characters.
    grafanaName: '${abbreviations.grafana}${take(environmentName, 6)}-${take(token, 12)}'
    zoneRedundant: length(zones) > 1
    privateEndpoints: privateEndpoints
    administratorsId: administrators.objectId
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.registry}${take(environmentName, 12)}${token}'
    zoneRedundant: length(zones) > 1
    privateEndpoints: privateEndpoints
    logsId: observability.outputs.logsId
  }
}

module cluster 'modules/cluster.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.cluster}${suffix}'
    identityName: '${abbreviations.identity}cluster-${suffix}'
    nodes: nodes
    zones: zones
    subnetId: network.outputs.nodesSubnetId
    networkName: network.outputs.name
    registryName: registry.outputs.name
    logsId: observability.outputs.logsId
    metricsId: observability.outputs.metricsId
    administratorsId: administrators.objectId
    privateCluster: privateEndpoints
  }
}

module identities 'modules/identities.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    services: services
    durableServices: durableServices
    suffix: suffix
    prefix: abbreviations.identity
    issuer: cluster.outputs.issuer
    pipelineRepository: pipelineRepository
    environmentName: environmentName
    registryName: registry.outputs.name
    clusterName: cluster.outputs.name
    metricsName: observability.outputs.metricsName
    insightsName: observability.outputs.insightsName
  }
}

module messages 'modules/servicebus.bicep' = if (messaging == 'servicebus') {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.serviceBus}${suffix}'
    units: messagingUnits
    queues: queueReaders
    senders: queueSenders
    announcers: announcers
    subscriptions: subscribers
    principals: identities.outputs.principals
    scalerPrincipal: identities.outputs.scalerPrincipal
    privateEndpoints: privateEndpoints
    logsId: observability.outputs.logsId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.storage}${take(environmentName, 9)}${token}'
    zoneRedundant: length(zones) > 1
    tables: tables
    containers: containers
    principals: identities.outputs.principals
    services: services
    delegatingServices: delegatingServices
    immutabilityDays: auditImmutabilityDays
    lockPolicy: lockAuditPolicy
    privateEndpoints: privateEndpoints
    logsId: observability.outputs.logsId
  }
}

module storageQueues 'modules/storage-queues.bicep' = {
  scope: group
  params: {
    storageName: storage.outputs.name
    partitions: partitions
    queues: messaging == 'storage' ? queueReaders : []
    senders: messaging == 'storage' ? queueSenders : []
    announcers: messaging == 'storage' ? announcers : []
    subscriptions: messaging == 'storage' ? subscribers : []
    principals: identities.outputs.principals
    scalerPrincipal: identities.outputs.scalerPrincipal
  }
}

module sql 'modules/sql.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.sqlServer}${suffix}'
    database: database
    zoneRedundant: length(zones) > 1
    administrators: administrators
    privateEndpoints: privateEndpoints
    logsId: observability.outputs.logsId
  }
}

module signalr 'modules/signalr.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.signalr}${suffix}'
    zoneRedundant: length(zones) > 1
    senderPrincipal: identities.outputs.principals.notification
    privateEndpoints: privateEndpoints
    logsId: observability.outputs.logsId
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.vault}${take(environmentName, 7)}-${token}'
    privateEndpoints: privateEndpoints
    officers: { identity: identities.outputs.principals.identity }
    logsId: observability.outputs.logsId
  }
}

// Tenants' secrets lie apart from the platform's own keys: who may write the ones can't read the others.
module secrets 'modules/vault.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.vault}s${take(environmentName, 6)}-${token}'
    privateEndpoints: privateEndpoints
    officers: { workflow: identities.outputs.principals.workflow }
    logsId: observability.outputs.logsId
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (privateEndpoints) {
  scope: group
  params: {
    location: location
    tags: tags
    prefix: abbreviations.privateEndpoint
    subnetId: network.outputs.endpointsSubnetId
    networkId: network.outputs.id
    targets: concat(
      [
        { name: 'blob', resourceId: storage.outputs.id, group: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
        { name: 'table', resourceId: storage.outputs.id, group: 'table', zone: 'privatelink.table.${environment().suffixes.storage}' }
        { name: 'queue', resourceId: storage.outputs.id, group: 'queue', zone: 'privatelink.queue.${environment().suffixes.storage}' }
        { name: 'registry', resourceId: registry.outputs.id, group: 'registry', zone: 'privatelink.azurecr.io' }
        { name: 'vault', resourceId: vault.outputs.id, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
        { name: 'secrets', resourceId: secrets.outputs.id, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
        { name: 'sql', resourceId: sql.outputs.id, group: 'sqlServer', zone: 'privatelink${environment().suffixes.sqlServerHostname}' }
        { name: 'metrics', resourceId: observability.outputs.metricsId, group: 'prometheusMetrics', zone: 'privatelink.${location}.prometheus.monitor.azure.com' }
      ],
      messaging == 'servicebus' ? [{ name: 'messages', resourceId: messages!.outputs.id, group: 'namespace', zone: 'privatelink.servicebus.windows.net' }] : []
    )
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    actionGroupName: '${abbreviations.actionGroup}${suffix}'
    email: alertEmail
    metricsId: observability.outputs.metricsId
    clusterId: cluster.outputs.id
    clusterName: cluster.outputs.name
    storageId: storage.outputs.id
    serviceBusId: messaging == 'servicebus' ? messages!.outputs.id : ''
    databaseId: sql.outputs.databaseId
  }
}

module spending 'modules/budget.bicep' = {
  scope: group
  params: {
    name: 'budget-${environmentName}'
    amount: budget.amount
    emails: budget.emails
    start: budgetStart
  }
}

// azd puts these into the environment; infra/deploy/environment.py writes the overlay's .env and azure.env from them.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_AKS_CLUSTER_NAME string = cluster.outputs.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.endpoint
output AZURE_KEY_VAULT_NAME string = vault.outputs.name
output AZURE_KEY_VAULT_URL string = vault.outputs.url
output AZURE_SECRETS_VAULT_URL string = secrets.outputs.url
output AZURE_STORAGE_ACCOUNT string = storage.outputs.name
output AZURE_SERVICE_BUS_NAMESPACE string = messaging == 'servicebus' ? messages!.outputs.name : ''
output AZURE_SQL_HOST string = sql.outputs.host
output AZURE_SIGNALR_ENDPOINT string = signalr.outputs.endpoint
output AZURE_PROMETHEUS_ENDPOINT string = observability.outputs.prometheusEndpoint
output AZURE_GRAFANA_NAME string = observability.outputs.grafanaName
output APPLICATIONINSIGHTS_CONNECTION_STRING string = observability.outputs.insightsConnection
output PLATFORM_CLIENT_IDS object = identities.outputs.clientIds
output PLATFORM_LOCK_AUDIT bool = storage.outputs.lockPolicy
output PLATFORM_SCALER_CLIENT_ID string = identities.outputs.scalerClientId
