/** Any object, in any version and in every form met in the wild → what it means. */

import { toHub } from './convert.ts'
import { bindingSpec, targetSpec } from './decode/access.ts'
import { groupSpec, portSpec } from './decode/specs.ts'
import { splitSpec } from './decode/split.ts'
import type { Decoded, HubObject } from './hub.ts'
import { identify } from './identify.ts'
import { type Fields, textOf } from './json.ts'
import type { KindName } from './kinds.ts'
import { metaOf } from './metadata.ts'
import { judge, problemsOf } from './validate.ts'

/**
 * The meaning of an object, or why it has none. Total: there is no JSON value for which it throws.
 *
 * It is more forgiving than `validate`: what should not be written, but has a safe meaning once stored (a TrafficTarget
 * without rules, a route name used twice), is a warning here.
 */
export function decode(object: unknown): Decoded {
  const found = identify(object)
  if (found.kind === 'unknown') return { kind: 'rejected', problems: [found.problem] }
  const { info, version } = found
  const judged = judge(found.object, info, version)
  const problems = problemsOf(judged, ['reject'])
  if (problems.length > 0) return { kind: 'rejected', problems }
  const apiVersion = textOf(found.object['apiVersion'])
  const meaning = hubObject(info.kind, toHub(found.object, info, version), apiVersion)
  if (meaning.metadata.name === '') return { kind: 'rejected', problems: [unnamed] }
  return { kind: 'ok', object: meaning, warnings: problemsOf(judged, ['deny', 'warn']) }
}

const unnamed = { path: 'metadata.name', message: 'The object has no name yet; write one.', rule: 'name-missing' }

function hubObject(kind: KindName, hub: Fields, apiVersion: string): HubObject {
  const metadata = metaOf(hub)
  switch (kind) {
    case 'TrafficSplit':
      return { kind, apiVersion, metadata, spec: splitSpec(hub) }
    case 'TrafficTarget':
      return { kind, apiVersion, metadata, spec: targetSpec(hub) }
    case 'IdentityBinding':
      return { kind, apiVersion, metadata, spec: bindingSpec(hub) }
    case 'HTTPRouteGroup':
      return { kind, apiVersion, metadata, spec: groupSpec(hub) }
    case 'TCPRoute':
    case 'UDPRoute':
      return { kind, apiVersion, metadata, spec: portSpec(hub) }
  }
}
