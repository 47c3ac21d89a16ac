// Commands: a queue each, read by one service. Events: one topic; a subscription's rules choose, and forward to the
// subscriber's queue. Each identity may send where its service sends, and receive what its service consumes.
param location string
param tags object
param name string
param units int
@description('Queues with the service that consumes each: {service, name}.')
param queues array
@description('Who sends commands where: {service, name}.')
param senders array
@description('Services that announce events.')
param announcers array
@description('Subscriptions as in service.yaml: {queue, types}.')
param subscriptions array
@description('Service → object id of its identity.')
param principals object
param scalerPrincipal string
param privateEndpoints bool
param logsId string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var dataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var dataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
var dataOwner = '090c5cfd-751d-490a-894a-3ce6f1109419'

// A new subscription has a rule $Default that lets everything through: the first of ours takes its place.
var rules = flatten(map(subscriptions, s => map(range(0, length(s.types)), i => { queue: s.queue, type: s.types[i], name: i == 0 ? '$Default' : 'type-${i}' })))

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Premium', tier: 'Premium', capacity: units }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
    zoneRedundant: true
    premiumMessagingPartitions: 1
  }
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for entry in queues: {
  parent: namespace
  name: entry.name
  properties: {
    // Renewed while a function runs; a killed replica's messages are back after a minute.
    lockDuration: 'PT1M'
    // As maxDequeueCount: then the message is kept, whole, on the dead-letter queue.
    maxDeliveryCount: 5
    deadLetteringOnMessageExpiration: true
    // Recovery sends the same command again when its effect is missing, so nothing is dropped by its id at the door:
    // handlers know what they have done.
    requiresDuplicateDetection: false
    maxSizeInMegabytes: 81920
  }
}]

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = {
  parent: namespace
  name: 'platform-events'
  properties: {
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    supportOrdering: true
    maxSizeInMegabytes: 81920
  }
}

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for entry in subscriptions: {
  parent: topic
  name: entry.queue
  properties: {
    forwardTo: entry.queue
    maxDeliveryCount: 5
    deadLetteringOnFilterEvaluationExceptions: true
  }
  dependsOn: [queue]
}]

// The event's type travels as the message's subject, which filters know as sys.Label.
resource rule 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2024-01-01' = [for entry in rules: {
  name: '${name}/platform-events/${entry.queue}/${entry.name}'
  properties: {
    filterType: 'SqlFilter'
    sqlFilter: { sqlExpression: 'sys.Label LIKE \'${replace(entry.type, '*', '%')}\'' }
  }
  dependsOn: [subscription]
}]

resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in queues: {
  scope: queue[i]
  name: guid(namespace.id, entry.name, entry.service, dataReceiver)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataReceiver)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
}]

// Depths of queues are a matter of the management rights, which KEDA's identity has for queues alone.
resource counts 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in queues: {
  scope: queue[i]
  name: guid(namespace.id, entry.name, 'keda', dataOwner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataOwner)
    principalId: scalerPrincipal
    principalType: 'ServicePrincipal'
  }
}]

resource target 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = [for entry in senders: {
  parent: namespace
  name: entry.name
}]

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in senders: {
  scope: target[i]
  name: guid(namespace.id, entry.name, entry.service, dataSender)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
  dependsOn: [queue]
}]

resource announces 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for service in announcers: {
  scope: topic
  name: guid(topic.id, service, dataSender)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
    principalId: principals[service]
    principalType: 'ServicePrincipal'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = namespace.id
output name string = namespace.name
