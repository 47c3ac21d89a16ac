using 'main.bicep'

// Production: three zones, Service Bus Premium, private endpoints, an audit trail that nobody can shorten.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param messaging = 'servicebus'
param privateEndpoints = true
param zones = ['1', '2', '3']
param nodes = {
  system: { vmSize: 'Standard_D4ds_v5', min: 3, max: 6 }
  services: { vmSize: 'Standard_D8ds_v5', min: 3, max: 12 }
}
param database = { name: 'GP_Gen5_4', tier: 'GeneralPurpose', capacity: 4, minCapacity: '', autoPauseMinutes: -1 }
param messagingUnits = 1
param auditImmutabilityDays = 3650
param lockAuditPolicy = true
param budget = { amount: 6000, emails: [readEnvironmentVariable('PLATFORM_ALERT_EMAIL', 'platform@example.com')] }
param alertEmail = readEnvironmentVariable('PLATFORM_ALERT_EMAIL', 'platform@example.com')
param administrators = {
  name: readEnvironmentVariable('PLATFORM_ADMINISTRATORS_NAME', 'platform-administrators')
  objectId: readEnvironmentVariable('PLATFORM_ADMINISTRATORS_ID', '00000000-0000-0000-0000-000000000000')
}
param pipelineRepository = readEnvironmentVariable('PLATFORM_REPOSITORY', '')
