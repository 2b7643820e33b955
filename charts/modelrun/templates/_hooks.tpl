{{/* The Jobs by which helm does what objects alone cannot. */}}

{{/* The service account of a hook. Call with a dict of root, name, component, hook. */}}
{{- define "modelrun.hookAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "modelrun.labels" (list .root .component) | nindent 4 }}
  annotations:
    {{- .hook | nindent 4 }}
    helm.sh/hook-weight: "-5"
automountServiceAccountToken: false
{{- end -}}

{{/*
The pod of a hook: it runs one program of the chart with the image's Python. Call with a dict of
root, name, component, program, arguments, and configMap where it reads one.
*/}}
{{- define "modelrun.hookPod" -}}
restartPolicy: Never
serviceAccountName: {{ .name }}
automountServiceAccountToken: true
enableServiceLinks: false
terminationGracePeriodSeconds: 5
{{- include "modelrun.pullSecrets" .root }}
securityContext:
  {{- include "modelrun.podSecurity" .root | nindent 2 }}
{{- include "modelrun.placement" .root.Values.operator }}
containers:
- name: {{ .component }}
  image: {{ include "modelrun.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [python, -c]
  args:
  - {{ .root.Files.Get (printf "files/programs/%s.py" .program) | toJson }}
  {{- range .arguments }}
  - {{ . | quote }}
  {{- end }}
  env:
  - {name: HOME, value: /tmp}
  # What it says last is what helm shows when it fails.
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    {{- toYaml .root.Values.jobResources | nindent 4 }}
  securityContext:
    {{- include "modelrun.containerSecurity" .root | nindent 4 }}
  volumeMounts:
  {{- include "modelrun.scratchMount" .root | nindent 2 }}
  {{- with .configMap }}
  - name: files
    mountPath: /{{ $.program }}
    readOnly: true
  {{- end }}
volumes:
{{- include "modelrun.scratchVolume" .root | nindent 0 }}
{{- with .configMap }}
- name: files
  configMap:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* The Job of a hook. Call with a dict of hookPod's keys, hook and seconds. */}}
{{- define "modelrun.hookJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "modelrun.labels" (list .root .component) | nindent 4 }}
  annotations:
    {{- .hook | nindent 4 }}
spec:
  backoffLimit: 1
  activeDeadlineSeconds: {{ .seconds }}
  template:
    metadata:
      labels:
        {{- include "modelrun.labels" (list .root .component) | nindent 8 }}
    spec:
      {{- include "modelrun.hookPod" . | nindent 6 }}
{{- end -}}
