{{- define "keywright.fullname" -}}
{{- if contains "keywright" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-keywright" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "keywright.selector" -}}
app.kubernetes.io/name: keywright
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keywright.labels" -}}
{{ include "keywright.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "keywright.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "keywright.secret" -}}
{{ .Values.secret.existing | default (include "keywright.fullname" .) }}
{{- end }}

{{- /* Mistakes that would only show when pods start, or worse, later. */ -}}
{{- define "keywright.check" -}}
{{- if .Values.postgres }}
{{- if not (or .Values.secret.existing (and .Values.secret.digestKey .Values.secret.store)) }}
{{- fail "Name a Secret with the keys digest.key and store in secret.existing (docs/operating/containers.md)." }}
{{- end }}
{{- else }}
{{- if gt (int .Values.replicas) 1 }}{{ fail "More than one replica needs PostgreSQL: set replicas to 1, or postgres to true." }}{{ end }}
{{- if not .Values.persistence.enabled }}{{ fail "Without PostgreSQL everything is in the volume: persistence.enabled must be true." }}{{ end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}{{ fail "ingress.hosts names no host." }}{{ end }}
{{- if .Values.setup.enabled }}
{{- if not .Values.postgres }}{{ fail "setup is for PostgreSQL; with SQLite use the link in the log of the first start." }}{{ end }}
{{- if not (and .Values.setup.organization .Values.setup.email .Values.setup.passwordSecret) }}
{{- fail "setup needs organization, email and passwordSecret." }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keywright.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "keywright.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The digest key is mounted for a group, and copied into memory for its user alone. */ -}}
{{- define "keywright.storeEnv" -}}
- {name: KEYWRIGHT_STORE_FILE, value: /etc/keywright/secret/store}
- {name: KEYWRIGHT_DIGEST_KEY_SECRET, value: /etc/keywright/secret/digest.key}
{{- end }}
