// Who is woken, and by what: the rules of infra/prometheus/rules.yaml in the Azure Monitor workspace, and what only
// Azure's own metrics tell (dead letters, throttling, a database that is full).
param location string
param tags object
param actionGroupName string
param email string
param metricsId string
param clusterId string
param clusterName string
param storageId string
@description('Empty where commands travel over storage queues.')
param serviceBusId string
param databaseId string

var prometheus = loadYamlContent('../../prometheus/rules.yaml')

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'platform'
    emailReceivers: [{ name: 'platform', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource rules 'Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01' = [for group in prometheus.groups: {
  name: group.name
  location: location
  tags: tags
  properties: {
    enabled: true
    clusterName: clusterName
    // ISO 8601: `1m` is PT1M.
    interval: 'PT${toUpper(group.interval)}'
    scopes: [metricsId, clusterId]
    rules: concat(map(filter(group.rules, r => contains(r, 'record')), r => {
      record: r.record
      expression: r.expr
      labels: r.?labels ?? {}
    }), map(filter(group.rules, r => contains(r, 'alert')), r => {
      alert: r.alert
      expression: r.expr
      for: 'PT${toUpper(r.for)}'
      severity: r.labels.severity == 'page' ? 1 : 3
      labels: r.labels
      annotations: r.annotations
      actions: [{ actionGroupId: people.id }]
    }))
  }
}]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = if (!empty(serviceBusId)) {
  name: 'service-bus-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'A message was given up after its last attempt; it is kept, whole, on the dead-letter queue.'
    severity: 2
    enabled: true
    scopes: [serviceBusId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-letters'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'EntityName', operator: 'Include', values: ['*'] }]
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource storageThrottled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'storage-throttled'
  location: 'global'
  tags: tags
  properties: {
    description: 'Storage refuses requests: a partition or the account is at its limit.'
    severity: 3
    enabled: true
    scopes: [storageId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricName: 'Transactions'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 100
          dimensions: [{ name: 'ResponseType', operator: 'Include', values: ['ServerBusyError', 'ClientThrottlingError'] }]
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource databaseBusy 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'durable-database-busy'
  location: 'global'
  tags: tags
  properties: {
    description: 'The task hubs\' database is at its limit: more replicas will not help.'
    severity: 2
    enabled: true
    scopes: [databaseId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'cpu'
          metricName: 'cpu_percent'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 85
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}
