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

{{/* The user that the API server sees. */}}
{{- define "keda-trust.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:keda-trust
{{- end }}
