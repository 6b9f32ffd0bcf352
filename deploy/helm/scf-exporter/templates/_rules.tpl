{{/* What the values change in the rules and alerts of deploy/mixin. Its mixin.libsonnet does the same. */}}

{{- define "scf-exporter.groups" -}}
{{- $text := .Files.Get (printf "files/%s.yaml" .name) }}
{{- if not $text }}{{ fail (printf "files/%s.yaml is not in this chart" .name) }}{{ end }}
{{- $text }}
{{- end }}

{{- define "scf-exporter.rules" -}}
{{- $groups := get (include "scf-exporter.groups" (dict "Files" .Files "name" "rules") | fromYaml) "groups" }}
{{- range $group := $groups }}
{{- range $rule := $group.rules }}
{{- if eq $rule.record "fleet:scf_invocation_success:objective" }}
{{- $_ := set $rule "expr" (printf "vector(%v)" $.Values.prometheusRule.objective) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $groups }}
{{- end }}

{{- define "scf-exporter.alerts" -}}
{{- $values := .Values.prometheusRule }}
{{- $groups := get (include "scf-exporter.groups" (dict "Files" .Files "name" "alerts") | fromYaml) "groups" }}
{{- $names := list }}
{{- $keptGroups := list }}
{{- range $group := $groups }}
{{- $kept := list }}
{{- range $rule := $group.rules }}
{{- $name := $rule.alert }}
{{- $names = append $names $name }}
{{- $change := get $values.alerts $name | default dict }}
{{- range $threshold, $value := $change.thresholds }}
{{- $pattern := printf "(?m)[^ ]+( # threshold %s)$" $threshold }}
{{- if not (regexMatch $pattern $rule.expr) }}
{{- fail (printf "prometheusRule.alerts.%s.thresholds: %s is unknown" $name $threshold) }}
{{- end }}
{{- $_ := set $rule "expr" (regexReplaceAll $pattern $rule.expr (printf "%v${1}" $value)) }}
{{- end }}
{{- with $change.for }}{{ $_ := set $rule "for" . }}{{ end }}
{{- $severity := dict "severity" ($change.severity | default $rule.labels.severity) }}
{{- $_ := set $rule "labels" (merge $severity ($change.labels | default dict) $values.alertLabels $rule.labels) }}
{{- $_ := set $rule.annotations "runbook_url" (printf $values.runbookURLPattern (lower $name)) }}
{{- if dig "enabled" true $change }}{{ $kept = append $kept $rule }}{{ end }}
{{- end }}
{{- if $kept }}{{ $keptGroups = append $keptGroups (set $group "rules" $kept) }}{{ end }}
{{- end }}
{{- range $name, $_ := $values.alerts }}
{{- if not (has $name $names) }}{{ fail (printf "prometheusRule.alerts: %s is unknown" $name) }}{{ end }}
{{- end }}
{{- toYaml $keptGroups }}
{{- end }}
