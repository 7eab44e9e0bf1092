/** Writes a disagreement down as the input of a golden case, so that it can be kept. */
import { stringify } from 'yaml'
import { DEFAULT_WORLD_CONFIG, type Request, type World } from './world.ts'

/** A file `in.yaml` for a new folder under `operator/testdata/translate`, with the request as a comment above it. */
export function caseText({ config, objects }: World, request?: Request): string {
  const chosen = Object.entries(config).filter(([key, value]) => value !== Object(DEFAULT_WORLD_CONFIG)[key])
  const meshConfig = chosen.length === 0 ? [] : [{ kind: 'MeshConfig', ...Object.fromEntries(chosen) }]
  const documents = [...meshConfig, ...objects].map(object => stringify(object, { lineWidth: 120 }))
  const asked = request === undefined ? '' : `# request: ${JSON.stringify(request)}\n`
  return `${asked}${documents.join('---\n')}`
}
