// Dashboards, alerts and recording rules in the form that tools for Prometheus mixins know.
//
// The files beside it are usable as they are; this one only hands them on. It needs jsonnet 0.18 or
// newer for std.parseYaml.
{
  _config:: {
    // What stands before the `#` of each runbook_url: set it to where your copy of the page is.
    runbook: 'docs/RUNBOOK.md',
  },
  grafanaDashboards:: {
    'scf-exporter.json': import '../../dashboards/scf-exporter.json',
    'scf-fleet.json': import '../../dashboards/scf-fleet.json',
    'scf-function.json': import '../../dashboards/scf-function.json',
  },
  prometheusAlerts:: std.parseYaml(
    std.strReplace(importstr 'alerts.yaml', 'docs/RUNBOOK.md#', $._config.runbook + '#')
  ),
  prometheusRules:: std.parseYaml(importstr 'rules.yaml'),
}
