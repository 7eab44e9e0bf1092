/**
 * crds/*.yaml → helm/smi-mesh/templates/crds/*.yaml: the same, with what only an installation knows. Text in, text out, so that the
 * chart shows the comments and the order of the originals. Run it by `npm run generate`; a test fails when it has been forgotten.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

const CRDS = new URL('../crds/', import.meta.url)
export const TEMPLATES = new URL('../../helm/smi-mesh/templates/crds/', import.meta.url)

const METADATA = `  labels:
    {{- include "smi-mesh.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    # With them, all objects of their kinds would go.
    helm.sh/resource-policy: keep
  {{- end }}
`

const CONVERSION = `  conversion:
    strategy: Webhook
    webhook:
      {{- include "smi-mesh.clientConfig" (list . "/convert") | nindent 6 }}
      conversionReviewVersions: [v1]
`

/** The text of every template, by its file's name. */
export function chartTemplates(): ReadonlyMap<string, string> {
  const files = readdirSync(CRDS).filter(file => file.endsWith('.yaml'))
  return new Map(files.sort().map(file => [file, template(file, readFileSync(new URL(file, CRDS), 'utf8'))]))
}

function template(file: string, crd: string): string {
  const [, name] = /^ {2}name: (\S+)$/m.exec(crd) ?? []
  if (name === undefined || crd.includes('{{')) throw new Error(`crds/${file} cannot be made a template.`)
  const versions = [...crd.matchAll(/^ {4}- name: v/gm)].length
  const body = crd
    .replace(/^(?:#.*\n)+/, '')
    .replace(`  name: ${name}\n`, line => line + METADATA)
    // Of one version there is nothing to convert.
    .replace('spec:\n', line => (versions > 1 ? line + CONVERSION : line))
  return `{{- if .Values.crds.install }}\n# Made from smi-crds/crds/${file} by smi-crds/scripts/chart.ts.\n${body}{{- end }}\n`
}

if (import.meta.main) {
  mkdirSync(TEMPLATES, { recursive: true })
  for (const [file, text] of chartTemplates()) writeFileSync(new URL(file, TEMPLATES), text)
}
