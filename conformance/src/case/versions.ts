/**
 * SMI objects rewritten from v1alpha4 into older versions: the shapes of the text, written down a second time so that a
 * converter under test is not judged by itself. What an older version cannot say is refused, never dropped.
 */
import { fields, list, metadata, text } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'

type Rewrite = (object: RawObject, version: string) => RawObject

const REWRITES: Readonly<Record<string, Rewrite>> = {
  TrafficSplit: split,
  TrafficTarget: target,
  HTTPRouteGroup: group,
  TCPRoute: tcpRoute,
}

/** The object in another version; others than those of SMI, and kinds that have no older version, stay as they are. */
export function inVersion(object: RawObject, version: string): RawObject {
  const apiVersion = text(object['apiVersion'])
  const rewrite = REWRITES[text(object['kind'])]
  if (rewrite === undefined || !apiVersion.includes('.smi-spec.io/')) return object
  return { ...rewrite(object, version), apiVersion: `${apiVersion.split('/')[0]}/${version}` }
}

function split(object: RawObject, version: string): RawObject {
  const { matches, ...spec } = { matches: undefined, ...fields(object['spec']) }
  if (version === 'v1alpha3') return object
  if (matches !== undefined) throw new Error('TrafficSplits have matches from v1alpha3 on.')
  if (version === 'v1alpha2') return object
  const backends = list({ backends: undefined, ...spec }.backends).map(fields)
  const quantities = backends.map(backend => ({ ...backend, weight: String(backend['weight']) }))
  return { ...object, spec: { ...spec, backends: quantities } }
}

/** Destination, rules and sources: in v1alpha1 at the top, with the rules under the name `specs`. */
function target(object: RawObject, version: string): RawObject {
  const { rules, ...spec } = { rules: undefined, ...fields(object['spec']) }
  if (JSON.stringify(spec).includes('IdentityBinding')) throw new Error('IdentityBindings are of v1alpha4 alone.')
  if (version !== 'v1alpha1') return object
  const { apiVersion, kind } = object
  return { apiVersion, kind, metadata: metadata(object), ...spec, specs: rules }
}

function group(object: RawObject, version: string): RawObject {
  if (version === 'v1alpha3') return object
  const matches = list(fields(object['spec'])['matches']).map(fields)
  const { apiVersion, kind } = object
  return {
    ...{ apiVersion, kind, metadata: metadata(object) },
    matches: version === 'v1alpha1' ? matches.map(allFields) : matches,
  }
}

/** "All fields are required", and of headers nothing is known yet. */
function allFields(match: RawObject): RawObject {
  if (match['headers'] !== undefined) throw new Error('HTTPRouteGroups have headers from v1alpha2 on.')
  return { pathRegex: '.*', methods: ['*'], ...match }
}

function tcpRoute(object: RawObject, version: string): RawObject {
  const ports = list(fields(fields(object['spec'])['matches'])['ports'])
  if (ports.length > 0) throw new Error('TCPRoutes have ports from v1alpha4 on.')
  const { apiVersion, kind } = object
  const old = { apiVersion, kind, metadata: metadata(object) }
  return version === 'v1alpha3' ? { ...old, spec: {} } : old
}
