// Dashboards, alerts and recording rules in the form that tools for Prometheus mixins know.
//
// The files beside it are usable as they are; this one hands them on, with what `_config` changes. It
// needs jsonnet 0.18 or newer for std.parseYaml.
{
  _config:: {
    // The page of each alert: `%s` stands for the alert's name in lower case.
    runbookURLPattern: 'docs/RUNBOOK.md#%s',
    // The share of invocations that shall succeed.
    objective: 0.99,
    // Labels that every alert gets, such as { team: 'cloud' }.
    alertLabels: {},
    // Changes of single alerts, by name; every key may be left out:
    //   ScfFunctionSilent: { enabled: false },
    //   ScfExporterPollStale: {
    //     severity: 'warning', 'for': '15m', labels: { team: 'cloud' }, thresholds: { seconds: 1800 },
    //   },
    // The thresholds of an alert are the numbers in alerts.yaml with `# threshold NAME` behind them.
    alerts: {},
  },
  grafanaDashboards:: {
    'scf-exporter.json': import '../../dashboards/scf-exporter.json',
    'scf-fleet.json': import '../../dashboards/scf-fleet.json',
    'scf-function.json': import '../../dashboards/scf-function.json',
  },

  local config = self._config,
  // Not std.toString: it writes 0.99 as 0.98999999999999999.
  local number(value) = '%.12g' % value,
  local mark = ' # threshold ',
  // The name of the threshold in a line of an expression; null where there is none.
  local thresholdIn(line) =
    local parts = std.split(line, mark);
    if std.length(parts) == 2 then parts[1] else null,
  local lines(expr) = std.split(expr, '\n'),
  // `expr` with other numbers before the marks.
  local withThresholds(expr, values) = std.join('\n', [
    local name = thresholdIn(line);
    if name == null || !std.objectHas(values, name) then line
    else
      local words = std.split(std.split(line, mark)[0], ' ');
      std.join(' ', words[0:std.length(words) - 1] + [number(values[name])]) + mark + name
    for line in lines(expr)
  ]),
  // `given`, once all of its keys are known.
  local known(place, given, names) =
    local unknown = std.setDiff(std.set(std.objectFields(given)), std.set(names));
    if unknown == [] then given else error '%s: %s is unknown' % [place, unknown[0]],
  local changed(rule) =
    local place = 'alerts.' + rule.alert;
    local change = known(
      place,
      std.get(config.alerts, rule.alert, {}),
      ['enabled', 'for', 'labels', 'severity', 'thresholds']
    );
    local thresholds = known(
      place + '.thresholds',
      std.get(change, 'thresholds', {}),
      std.filter(function(name) name != null, std.map(thresholdIn, lines(rule.expr)))
    );
    rule {
      expr: withThresholds(rule.expr, thresholds),
      [if std.objectHas(change, 'for') then 'for']: change['for'],
      labels+: config.alertLabels + std.get(change, 'labels', {}) + {
        [if std.objectHas(change, 'severity') then 'severity']: change.severity,
      },
      annotations+: { runbook_url: config.runbookURLPattern % std.asciiLower(rule.alert) },
    },
  local isEnabled(rule) = std.get(std.get(config.alerts, rule.alert, {}), 'enabled', true),

  prometheusAlerts::
    local groups = std.parseYaml(importstr 'alerts.yaml').groups;
    local names = [rule.alert for group in groups for rule in group.rules];
    assert known('alerts', config.alerts, names) == config.alerts;
    { groups: [
      group { rules: [changed(rule) for rule in group.rules if isEnabled(rule)] }
      for group in groups
      if std.length(std.filter(isEnabled, group.rules)) > 0
    ] },

  prometheusRules::
    local objective(rule) = rule.record == 'fleet:scf_invocation_success:objective';
    { groups: [
      group { rules: [
        if objective(rule) then rule { expr: 'vector(%s)' % number(config.objective) } else rule
        for rule in group.rules
      ] }
      for group in std.parseYaml(importstr 'rules.yaml').groups
    ] },
}
