// The cluster: OIDC issuer and workload identity, KEDA, Azure CNI overlay with Cilium's network policy, managed
// Prometheus, Key Vault's CSI driver, upgrades by themselves. No local accounts: people sign in with Entra ID.
param location string
param tags object
param name string
param identityName string
param nodes object
param zones array
param subnetId string
param networkName string
param registryName string
param logsId string
param metricsId string
param administratorsId string
param privateCluster bool

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var networkContributor = '4d97b98b-1d4f-4787-a291-c67834d212e7'
var clusterAdministrator = 'b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: networkName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: identityName
  location: location
  tags: tags
}

resource joinsNetwork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network
  name: guid(network.id, identity.id, networkContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-05-01' = {
  name: name
  location: location
  tags: tags
  // Standard: an API server with a service level agreement.
  sku: { name: 'Base', tier: length(zones) > 1 ? 'Standard' : 'Free' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    dnsPrefix: name
    enableRBAC: true
    disableLocalAccounts: true
    aadProfile: {
      managed: true
      enableAzureRBAC: true
      adminGroupObjectIDs: [administratorsId]
    }
    apiServerAccessProfile: {
      enablePrivateCluster: privateCluster
      enablePrivateClusterPublicFQDN: false
    }
    oidcIssuerProfile: { enabled: true }
    securityProfile: {
      workloadIdentity: { enabled: true }
      imageCleaner: { enabled: true, intervalHours: 168 }
    }
    workloadAutoScalerProfile: {
      keda: { enabled: true }
    }
    azureMonitorProfile: {
      metrics: {
        enabled: true
        kubeStateMetrics: { metricLabelsAllowlist: '', metricAnnotationsAllowList: '' }
      }
    }
    addonProfiles: {
      omsagent: {
        enabled: true
        config: { logAnalyticsWorkspaceResourceID: logsId, useAADAuth: 'true' }
      }
      azureKeyvaultSecretsProvider: {
        enabled: true
        config: { enableSecretRotation: 'true', rotationPollInterval: '2m' }
      }
      azurepolicy: { enabled: true }
    }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
      loadBalancerSku: 'standard'
      outboundType: 'loadBalancer'
      // keda/base/*/networkpolicy.yaml leaves these two out of what pods may reach outside.
      podCidr: '10.244.0.0/16'
      serviceCidr: '10.0.0.0/16'
      dnsServiceIP: '10.0.0.10'
    }
    autoUpgradeProfile: {
      upgradeChannel: 'stable'
      nodeOSUpgradeChannel: 'NodeImage'
    }
    autoScalerProfile: {
      // A batch's peak ends in minutes: nodes go a little later than pods.
      'scale-down-unneeded-time': '10m'
      'balance-similar-node-groups': 'true'
      expander: 'least-waste'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        vmSize: nodes.system.vmSize
        count: nodes.system.min
        enableAutoScaling: true
        minCount: nodes.system.min
        maxCount: nodes.system.max
        availabilityZones: zones
        vnetSubnetID: subnetId
        osType: 'Linux'
        osSKU: 'AzureLinux'
        osDiskType: 'Ephemeral'
        maxPods: 60
        enableEncryptionAtHost: true
        nodeTaints: ['CriticalAddonsOnly=true:NoSchedule']
        upgradeSettings: { maxSurge: '33%', drainTimeoutInMinutes: 30 }
      }
      {
        name: 'services'
        mode: 'User'
        vmSize: nodes.services.vmSize
        count: nodes.services.min
        enableAutoScaling: true
        minCount: nodes.services.min
        maxCount: nodes.services.max
        availabilityZones: zones
        vnetSubnetID: subnetId
        osType: 'Linux'
        osSKU: 'AzureLinux'
        osDiskType: 'Ephemeral'
        maxPods: 60
        enableEncryptionAtHost: true
        // The longest terminationGracePeriodSeconds is 655: an upgrade waits for it.
        upgradeSettings: { maxSurge: '33%', drainTimeoutInMinutes: 30 }
      }
    ]
  }
  dependsOn: [joinsNetwork]
}

resource upgrades 'Microsoft.ContainerService/managedClusters/maintenanceConfigurations@2025-05-01' = {
  parent: cluster
  name: 'aksManagedAutoUpgradeSchedule'
  properties: {
    maintenanceWindow: {
      schedule: { weekly: { intervalWeeks: 1, dayOfWeek: 'Sunday' } }
      durationHours: 6
      startTime: '00:00'
      utcOffset: '+00:00'
    }
  }
}

resource pulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, cluster.id, acrPull)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    principalId: cluster.properties.identityProfile.kubeletidentity.objectId
    principalType: 'ServicePrincipal'
  }
}

resource administration 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: cluster
  name: guid(cluster.id, administratorsId, clusterAdministrator)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', clusterAdministrator)
    principalId: administratorsId
    principalType: 'Group'
  }
}

// What the cluster's Prometheus agents collect goes to the Azure Monitor workspace.
resource collectionEndpoint 'Microsoft.Insights/dataCollectionEndpoints@2023-03-11' = {
  name: 'dce-${name}'
  location: location
  tags: tags
  kind: 'Linux'
  properties: {}
}

resource collectionRule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'dcr-${name}'
  location: location
  tags: tags
  kind: 'Linux'
  properties: {
    dataCollectionEndpointId: collectionEndpoint.id
    dataSources: {
      prometheusForwarder: [{ name: 'prometheus', streams: ['Microsoft-PrometheusMetrics'] }]
    }
    destinations: {
      monitoringAccounts: [{ name: 'metrics', accountResourceId: metricsId }]
    }
    dataFlows: [{ streams: ['Microsoft-PrometheusMetrics'], destinations: ['metrics'] }]
  }
}

resource collection 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'prometheus'
  properties: { dataCollectionRuleId: collectionRule.id }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'logs'
  properties: {
    workspaceId: logsId
    logs: [
      { category: 'kube-audit-admin', enabled: true }
      { category: 'guard', enabled: true }
      { category: 'cluster-autoscaler', enabled: true }
    ]
  }
}

output id string = cluster.id
output name string = cluster.name
output issuer string = cluster.properties.oidcIssuerProfile.issuerURL
