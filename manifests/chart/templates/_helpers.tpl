{{- define "keda-trust.selectorLabels" -}}
app.kubernetes.io/name: keda-trust
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "keda-trust.labels" -}}
{{ include "keda-trust.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "keda-trust.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The subject of every binding: keda-trust's ServiceAccount. */}}
{{- define "keda-trust.subjects" -}}
- kind: ServiceAccount
  name: keda-trust
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* A Go duration in seconds, rounded down. Helm reads one only to move a date. */}}
{{- define "keda-trust.seconds" -}}
{{- $epoch := toDate "2006-01-02" "2000-01-01" -}}
{{- sub (mustDateModify . $epoch | unixEpoch) ($epoch | unixEpoch) -}}
{{- end }}

{{/* How long the CA of keda-trust's own certificate lives, in seconds. */}}
{{- define "keda-trust.caLifetime" -}}
{{- include "keda-trust.seconds" (.Values.servingCertificate.caLifetime | default "8760h") -}}
{{- end }}

{{/* The user that the API server sees. */}}
{{- define "keda-trust.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:keda-trust
{{- end }}
