// A vault. Officers read and write all of it, nobody else any of it, administrators neither: one who must look gives
// himself the role, and the activity log has it. Nothing removed can be purged for 90 days.
param location string
param tags object
param name string
param privateEndpoints bool
@description('Service → object id of an identity that reads and writes all secrets of this vault.')
param officers object
param logsId string

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: privateEndpoints ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateEndpoints ? 'Deny' : 'Allow'
    }
  }
}

resource office 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for officer in items(officers): {
  scope: vault
  name: guid(vault.id, officer.key, secretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficer)
    principalId: officer.value
    principalType: 'ServicePrincipal'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = vault.id
output name string = vault.name
output url string = vault.properties.vaultUri
