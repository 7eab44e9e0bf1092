/** Whom a TrafficTarget means by a subject: a ServiceAccount, or whatever an IdentityBinding binds. */
import type { RawObject, World } from '../world.ts'
import { pods } from './pods.ts'
import { fields, find, list, text, texts } from './read.ts'

export interface Identity {
  readonly namespace: string
  readonly account: string
}

export function identitiesOf(world: World, subject: RawObject, home: string): readonly Identity[] {
  const namespace = text(subject['namespace']) || home
  const name = text(subject['name'])
  if (subject['kind'] === 'ServiceAccount') return [{ namespace, account: name }]
  if (subject['kind'] !== 'IdentityBinding') return []
  const binding = find(world.objects, 'IdentityBinding', { namespace, name })
  return binding === undefined ? [] : bound(world, fields(fields(binding['spec'])['schemes']), namespace)
}

/** Schemes are OR-ed. A binding speaks of workloads of its own namespace and of no others. */
function bound(world: World, schemes: RawObject, namespace: string): readonly Identity[] {
  const account = text(schemes['serviceAccount'])
  const labels = texts(fields(schemes['podLabelSelector'])['matchLabels'])
  return [
    ...(account === '' ? [] : [{ namespace, account }]),
    ...list(schemes['spiffeIdentities']).flatMap(id => spiffe(world, text(id), namespace)),
    ...selected(world, labels, namespace),
  ]
}

/** The examples write no `spiffe://` before it. */
function spiffe(world: World, id: string, namespace: string): readonly Identity[] {
  const [trustDomain, ns, of, sa, account] = id.replace(/^spiffe:\/\//, '').split('/')
  const ours = trustDomain === world.config.trustDomain && ns === 'ns' && of === namespace && sa === 'sa'
  return ours && account !== undefined ? [{ namespace, account }] : []
}

/** What a proxy can prove is the ServiceAccount, so labels mean those accounts of which every pod bears them. */
function selected(world: World, labels: Readonly<Record<string, string>>, namespace: string): readonly Identity[] {
  const wanted = Object.entries(labels)
  if (wanted.length === 0) return []
  const here = pods(world).filter(pod => pod.name.namespace === namespace)
  const accounts = [...new Set(here.map(pod => pod.account))]
  return accounts
    .filter(account =>
      here
        .filter(pod => pod.account === account)
        .every(pod => wanted.every(([key, value]) => pod.labels[key] === value)),
    )
    .map(account => ({ namespace, account }))
}
