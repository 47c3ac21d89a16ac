using 'main.bicep'

// Development: one zone, storage queues, a database that pauses; reachable from a developer's machine (with a token).
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param messaging = 'storage'
param privateEndpoints = false
param zones = ['1']
param nodes = {
  system: { vmSize: 'Standard_D2ds_v5', min: 1, max: 2 }
  services: { vmSize: 'Standard_D4ds_v5', min: 1, max: 4 }
}
param database = { name: 'GP_S_Gen5_1', tier: 'GeneralPurpose', capacity: 1, minCapacity: '0.5', autoPauseMinutes: 60 }
param messagingUnits = 1
param auditImmutabilityDays = 1
param lockAuditPolicy = false
param budget = { amount: 600, emails: [readEnvironmentVariable('PLATFORM_ALERT_EMAIL', 'platform@example.com')] }
param alertEmail = readEnvironmentVariable('PLATFORM_ALERT_EMAIL', 'platform@example.com')
param administrators = {
  name: readEnvironmentVariable('PLATFORM_ADMINISTRATORS_NAME', 'platform-administrators')
  objectId: readEnvironmentVariable('PLATFORM_ADMINISTRATORS_ID', '00000000-0000-0000-0000-000000000000')
}
param pipelineRepository = readEnvironmentVariable('PLATFORM_REPOSITORY', '')
