{{- define "strayline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "strayline.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "strayline.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "strayline.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "strayline.selector" -}}
app.kubernetes.io/name: {{ include "strayline.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "strayline.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "strayline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: daemon
app.kubernetes.io/part-of: strayline
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "strayline.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "strayline.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "strayline.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default (printf "%s%s" .Chart.AppVersion (ternary "-gpu" "" .Values.gpu.enabled)) .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /* The configuration as the daemon reads it: the values' own, with what the chart must set. */ -}}
{{- define "strayline.config" -}}
{{- $set := dict "http" (dict "host" "0.0.0.0" "port" (int .Values.service.port)) -}}
{{- if .Values.staticMembership -}}
{{- $_ := set $set "kafka" (dict "instance_id" "${POD_NAME}") -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $set) -}}
{{- end -}}

{{- define "strayline.group" -}}
{{- dig "kafka" "group_id" "strayline" .Values.config -}}
{{- end -}}

{{- define "strayline.relabelings" -}}
- targetLabel: group
  replacement: {{ include "strayline.group" .root | quote }}
{{- with .cluster }}
- targetLabel: cluster
  replacement: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "strayline.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: HOME, value: /var/lib/strayline}
- {name: XDG_CACHE_HOME, value: /var/cache/strayline}
- {name: HF_HOME, value: /var/cache/strayline/huggingface}
- {name: VLLM_CACHE_ROOT, value: /var/cache/strayline/vllm}
- {name: VLLM_CONFIG_ROOT, value: /var/lib/strayline/vllm}
- {name: TORCHINDUCTOR_CACHE_DIR, value: /var/cache/strayline/inductor}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "strayline.consoleSelector" -}}
app.kubernetes.io/name: {{ include "strayline.name" . }}-console
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "strayline.consoleLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "strayline.consoleSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: console
app.kubernetes.io/part-of: strayline
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The configuration as the console reads it: the daemon's, with the console's own section. */ -}}
{{- define "strayline.consoleConfig" -}}
{{- $own := dict "host" "0.0.0.0" "port" (int .Values.console.service.port) "users" "/etc/strayline-users/users.yaml" -}}
{{- if .Values.console.tlsSecret -}}
{{- $_ := set $own "tls" (dict "certificate" "/etc/strayline-tls/tls.crt" "key" "/etc/strayline-tls/tls.key") -}}
{{- end -}}
{{- if .Values.console.persistence.enabled -}}
{{- $_ := set $own "archive" "/var/lib/strayline/console.sqlite" -}}
{{- end -}}
{{- $console := mergeOverwrite (deepCopy .Values.console.config) $own -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) (dict "console" $console)) -}}
{{- end -}}

{{- define "strayline.notifySelector" -}}
app.kubernetes.io/name: {{ include "strayline.name" . }}-notify
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "strayline.notifyLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "strayline.notifySelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: notify
app.kubernetes.io/part-of: strayline
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The configuration as `strayline notify` reads it: the daemon's, with the section notify. */ -}}
{{- define "strayline.notifyConfig" -}}
{{- $notify := mergeOverwrite (deepCopy .Values.notify.config) (dict "host" "0.0.0.0" "port" (int .Values.notify.port)) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) (dict "notify" $notify)) -}}
{{- end -}}
