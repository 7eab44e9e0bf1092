{{/* Names are fixed: there is one mesh in a cluster, and the operator, the webhooks and smictl know them. */}}
{{- define "smi-mesh.selector" -}}
app.kubernetes.io/name: smi-mesh
app.kubernetes.io/component: operator
{{- end }}

{{- define "smi-mesh.labels" -}}
app.kubernetes.io/name: smi-mesh
app.kubernetes.io/part-of: smi-mesh
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of every object but definitions, with the user's own. */}}
{{- define "smi-mesh.marks" -}}
labels:
  {{- include "smi-mesh.labels" . | nindent 2 }}
{{- with .Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* An image by its place in the values: (list $ "operator"). */}}
{{- define "smi-mesh.image" -}}
{{- $ := index . 0 -}}
{{- $images := $.Values.images -}}
{{- with $images.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ index $images (index . 1) }}:{{ $images.tag | default $.Chart.AppVersion }}
{{- end }}

{{/*
Where the API server finds a webhook: (list $ "/inject"). Without caBundle: the operator writes that field and owns it. Were it
written here, a rollback would bring back roots that are no longer valid.
*/}}
{{- define "smi-mesh.clientConfig" -}}
{{- $ := index . 0 -}}
clientConfig:
  service:
    name: smi-mesh
    namespace: {{ $.Release.Namespace }}
    port: 443
    path: {{ index . 1 }}
{{- end }}

{{/* Never asked about the mesh itself and what the cluster stands on: else neither could start while the mesh is down. */}}
{{- define "smi-mesh.exempt" -}}
- key: kubernetes.io/metadata.name
  operator: NotIn
  values:
    - kube-system
    {{- if ne .Release.Namespace "kube-system" }}
    - {{ .Release.Namespace }}
    {{- end }}
{{- end }}
