{{- define "roomscribe.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "roomscribe.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "roomscribe.labels" -}}
{{ include "roomscribe.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "roomscribe.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- /* Settings of both roles; `own` is what the chart decides for one, which `settings` cannot undo. */ -}}
{{- define "roomscribe.env" -}}
{{- $own := merge (dict "ROOMSCRIBE_HOST" "0.0.0.0" "ROOMSCRIBE_PORT" "8080" "ROOMSCRIBE_DATA_DIR" "/data") .own -}}
{{- range $name, $value := .root.Values.settings }}
{{- if not (hasKey $own $name) }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := $own }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
- name: LIVEKIT_URL
  value: {{ .root.Values.livekit.url | quote }}
{{- range $name, $key := .root.Values.secret.keys }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: { name: {{ $.root.Values.secret.name }}, key: {{ $key }} }
{{- end }}
{{- range $name, $key := .root.Values.secret.optional }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: { name: {{ $.root.Values.secret.name }}, key: {{ $key }}, optional: true }
{{- end }}
{{- end }}

{{- define "roomscribe.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "roomscribe.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "roomscribe.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 6
  failureThreshold: 2
{{- end }}

{{- define "roomscribe.place" -}}
{{- with .imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
