// Partitions of streams; and, in development, commands and events, of which the sender copies one to each subscriber's
// queue.
param storageName string
@description('Queues that a service both fills and empties: {service, name}.')
param partitions array
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

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var messageProcessor = '8a0f0c08-91a1-4084-bc3d-661d67233fed'
var messageSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var queueReader = '19e7f393-937e-4f77-808e-94535e297925'

var announcements = flatten(map(announcers, a => map(subscriptions, s => { service: a, name: s.queue })))
// A service that sends commands to a queue that it also announces to needs the role once.
var sendings = union(senders, announcements, partitions)
// After the last attempt the host moves a message to the poison queue.
var consumed = concat(queues, partitions)
var poisons = map(queues, q => { service: q.service, name: '${q.name}-poison' })

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for entry in concat(consumed, poisons): {
  parent: queueService
  name: entry.name
  properties: {}
}]

resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in concat(consumed, poisons): {
  scope: queue[i]
  name: guid(account.id, 'receives', entry.name, entry.service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', messageProcessor)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
}]

resource counts 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in concat(consumed, poisons): {
  scope: queue[i]
  name: guid(account.id, 'counts', entry.name)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueReader)
    principalId: scalerPrincipal
    principalType: 'ServicePrincipal'
  }
}]

resource poisonous 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in poisons: {
  scope: queue[length(consumed) + i]
  name: guid(account.id, 'sends', entry.name, entry.service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', messageSender)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
}]

resource target 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = [for entry in sendings: {
  parent: queueService
  name: entry.name
}]

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (entry, i) in sendings: {
  scope: target[i]
  name: guid(account.id, 'sends', entry.name, entry.service)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', messageSender)
    principalId: principals[entry.service]
    principalType: 'ServicePrincipal'
  }
  dependsOn: [queue]
}]
