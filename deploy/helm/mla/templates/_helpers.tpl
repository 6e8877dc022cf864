{{- define "mla.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "mla.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "mla.match" -}}
{{ dict "matchLabels" (fromYaml (include "mla.selector" .)) | toJson }}
{{- end }}

{{- define "mla.labels" -}}
{{ include "mla.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "mla.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "mla.bundled" -}}
{{- if and (eq .Values.mode "distributed") .Values.bundled.enabled }}true{{ end -}}
{{- end }}

{{- define "mla.urlsSecret" -}}
{{- default (printf "%s-engines" (include "mla.name" .)) .Values.engines.existingSecret -}}
{{- end }}

{{- /* A URL of an engine: the one given, else that of the bundled engine; neither is an error. */ -}}
{{- define "mla.url" -}}
{{- $given := index .root.Values.engines .key -}}
{{- if $given }}{{ $given }}{{ else if .root.Values.bundled.enabled }}{{ .own }}{{ else -}}
{{- fail (printf "engines.%s is empty and bundled.enabled is false: give a URL, or set engines.existingSecret" .key) -}}
{{- end -}}
{{- end }}

{{- define "mla.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "mla.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* Settings of every service. In distributed mode the URLs are files of a Secret. */ -}}
{{- define "mla.env" -}}
- { name: MLA_DATA, value: /var/lib/mla }
- { name: MLA_HTTP, value: "0.0.0.0:8800" }
- { name: MLA_LOG_LEVEL, value: {{ .Values.settings.logLevel | quote }} }
- { name: MLA_HOT_RETENTION, value: {{ .Values.settings.hotRetention | quote }} }
- { name: MLA_HOT_BYTES, value: {{ .Values.settings.hotBytes | int64 | quote }} }
- { name: MLA_METRICS_OPEN, value: {{ .Values.settings.metricsOpen | quote }} }
{{- with .Values.settings.registryUrl }}
- { name: MLA_REGISTRY_URL, value: {{ . | quote }} }
{{- end }}
{{- if eq .Values.mode "distributed" }}
- { name: MLA_BUS_URL_FILE, value: /run/mla/urls/bus-url }
- { name: MLA_HOT_URL_FILE, value: /run/mla/urls/hot-url }
- { name: MLA_ARCHIVE_URL_FILE, value: /run/mla/urls/archive-url }
- { name: MLA_CDB_URL_FILE, value: /run/mla/urls/cdb-url }
{{- end }}
{{- end }}

{{- define "mla.mounts" -}}
- { name: data, mountPath: /var/lib/mla }
- { name: tmp, mountPath: /tmp }
{{- if eq .Values.mode "distributed" }}
- { name: urls, mountPath: /run/mla/urls, readOnly: true }
{{- if .Values.engines.filesSecret }}
- { name: engines, mountPath: /run/mla/engines, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{- define "mla.volumes" -}}
- { name: tmp, emptyDir: { medium: Memory, sizeLimit: 256Mi } }
{{- if eq .Values.mode "distributed" }}
- name: urls
  secret: { secretName: {{ include "mla.urlsSecret" . }}, defaultMode: 0440 }
{{- with .Values.engines.filesSecret }}
- name: engines
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- end }}

{{- define "mla.http" -}}
ports:
  - { name: http, containerPort: 8800 }
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- /* Where a service has no socket, the bus tells whether its process still works. */ -}}
{{- define "mla.heard" -}}
livenessProbe:
  exec: { command: [python, -m, deploy.alive] }
  initialDelaySeconds: 60
  periodSeconds: 60
  timeoutSeconds: 20
  failureThreshold: 3
{{- end }}

{{- define "mla.claim" -}}
- metadata: { name: data }
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .class }}
    storageClassName: {{ . }}
    {{- end }}
    resources: { requests: { storage: {{ .size }} } }
{{- end }}

{{- /* What pods have in common: root, part. */ -}}
{{- define "mla.placement" -}}
serviceAccountName: {{ include "mla.name" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 40
securityContext: {{ include "mla.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {{ include "mla.match" . }}
{{- end }}

{{- /* A container that runs services: root, args, resources, probes; env: more of it. */ -}}
{{- define "mla.container" -}}
- name: mla
  image: {{ include "mla.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{ toJson .args }}
  env:
    {{- include "mla.env" .root | nindent 4 }}
    {{- with .env }}{{ toYaml . | nindent 4 }}{{ end }}
  securityContext: {{ include "mla.security" . | nindent 4 }}
  resources: {{ toYaml .resources | nindent 4 }}
  volumeMounts: {{ include "mla.mounts" .root | nindent 4 }}
  {{- include .probes . | nindent 2 }}
{{- end }}
