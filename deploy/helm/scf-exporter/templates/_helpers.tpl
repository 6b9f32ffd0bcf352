{{- define "scf-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* 52 characters leave room for what Kubernetes adds to the name of a StatefulSet's pod. */}}
{{- define "scf-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := include "scf-exporter.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "scf-exporter.selector" -}}
app.kubernetes.io/name: {{ include "scf-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "scf-exporter.labels" -}}
{{ include "scf-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "scf-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "scf-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The pod of helm test, which the service must not select. */}}
{{- define "scf-exporter.testSelector" -}}
app.kubernetes.io/name: {{ include "scf-exporter.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "scf-exporter.image" -}}
{{- $image := .Values.image }}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What the pod of the exporter and that of helm test share. */}}
{{- define "scf-exporter.pod" -}}
serviceAccountName: {{ include "scf-exporter.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "imagePullSecrets" "nodeSelector" "affinity" "tolerations" }}
{{- with get $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* A variable of the secret with the keys. Optional: without it other places are asked. */}}
{{- define "scf-exporter.key" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
      optional: true
{{- end }}

{{/* How one of the exporter's own pages is asked. */}}
{{- define "scf-exporter.probe" -}}
{{- if .web.clientCertificates -}}
tcpSocket:
  port: metrics
{{- else if .web.existingSecret -}}
# Asked from inside: the kubelet has no password.
exec:
  command:
    - /usr/bin/scf-exporter
    - health
    - {{ ternary "https" "http" .web.tls }}://127.0.0.1:10112{{ .path }}
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
{{- end }}
{{- end }}
