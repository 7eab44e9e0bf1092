/**
 * What `smictl check` looks at, as a table: each check has a name, a page that says more, and a look at the cluster. Later checks
 * are about what earlier ones found in order. Knows how to ask, and neither terminals nor options.
 */
import {
  clocks,
  definitionsOfOthers,
  mayInstall,
  otherMesh,
  reachable,
  recentEnough,
  serviceAddresses,
} from './checks-cluster.ts'
import {
  authorityKept,
  definitionsServed,
  leader,
  ready,
  rolledOut,
  roots,
  trust,
  webhooksAnswer,
  webhooksTrusted,
} from './checks-mesh.ts'
import { namespacesUnderstood, objectsInForce } from './checks-objects.ts'
import { lagging, refusing, sameVersion, withoutProxy } from './checks-proxies.ts'
import type { Look } from './look.ts'

/** `cluster` before and after an installation, `before` only before it, `mesh` after it, `proxies` when asked for. */
export type Stage = 'cluster' | 'before' | 'mesh' | 'proxies'

export interface Check {
  /** The heading in docs/guides/operations.md. */
  readonly anchor: string
  /** What holds if all is well, as a sentence without its full stop. */
  readonly name: string
  readonly stage: Stage
  /** Where it fails, those after it would only say the same. */
  readonly isGround?: boolean
  readonly look: Look
}

export const CHECKS: readonly Check[] = [
  { stage: 'cluster', anchor: 'api-server', name: 'the API server answers', isGround: true, look: reachable },
  { stage: 'cluster', anchor: 'version', name: 'Kubernetes is 1.29 or later', look: recentEnough },
  { stage: 'cluster', anchor: 'clocks', name: 'clocks agree', look: clocks },
  {
    stage: 'cluster',
    anchor: 'service-addresses',
    name: 'proxies see the addresses of Services',
    look: serviceAddresses,
  },
  { stage: 'before', anchor: 'permissions', name: 'you may install the mesh', look: mayInstall },
  {
    stage: 'before',
    anchor: 'foreign-definitions',
    name: "SMI's kinds are not of somebody else",
    look: definitionsOfOthers,
  },
  { stage: 'before', anchor: 'another-mesh', name: 'no other mesh of SMI gives pods their proxies', look: otherMesh },
  {
    stage: 'mesh',
    anchor: 'definitions',
    name: "all of SMI's kinds are served, in all versions",
    look: definitionsServed,
  },
  { stage: 'mesh', anchor: 'operator', name: 'the operator is ready', isGround: true, look: ready },
  { stage: 'mesh', anchor: 'rollout', name: 'the last rollout of the operator is over', look: rolledOut },
  { stage: 'mesh', anchor: 'leader', name: 'one replica leads', look: leader },
  { stage: 'mesh', anchor: 'authority', name: 'the Secret of the authority is there', look: authorityKept },
  {
    stage: 'mesh',
    anchor: 'webhook-roots',
    name: 'the API server knows the roots of the webhooks',
    look: webhooksTrusted,
  },
  { stage: 'mesh', anchor: 'webhooks', name: 'the webhooks answer the API server', look: webhooksAnswer },
  { stage: 'mesh', anchor: 'roots', name: 'a root is valid for more than 60 days', look: roots },
  { stage: 'mesh', anchor: 'trust', name: 'namespaces of the mesh have its roots', look: trust },
  { stage: 'mesh', anchor: 'namespaces', name: 'namespaces say what the mesh understands', look: namespacesUnderstood },
  { stage: 'mesh', anchor: 'objects', name: 'objects of SMI are in force as they say', look: objectsInForce },
  { stage: 'proxies', anchor: 'pods-without-a-proxy', name: 'pods of the mesh have proxies', look: withoutProxy },
  { stage: 'proxies', anchor: 'lagging-proxies', name: 'proxies are connected and up to date', look: lagging },
  { stage: 'proxies', anchor: 'refused-configuration', name: 'no proxy refuses its configuration', look: refusing },
  { stage: 'proxies', anchor: 'older-proxies', name: 'proxies are of the version of the operator', look: sameVersion },
]
