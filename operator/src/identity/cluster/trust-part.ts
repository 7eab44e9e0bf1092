/** The part of a replica that publishes the roots of the mesh: to namespaces with proxies, and to the API server. */
import { RESOURCES, type Resource } from '../../kubernetes/index.ts'
import type { Part, PartContext } from '../../part.ts'
import { KnownRoots } from './known-roots.ts'
import { caBundle, knowsRoots, type OwnerReference, ownerOf, type TrustPlaces, trustConfigMap } from './trust.ts'
import { Upkeep, type UpkeepEvent } from './upkeep.ts'

const FIELD_MANAGER = 'smi-mesh'
/** Of the webhook configurations, and so of what goes with them. */
const INSTALLED = 'smi-mesh'
const CONFIG_MAP = 'smi-mesh-trust'

/** `converted` are the names of the CRDs that call our webhook. */
export function trustPart(converted: readonly string[]): (context: PartContext) => Promise<Part> {
  const callers = callersOf(converted)
  return async ({ client, config, plane, issuer, leads, serves, nature, log }) => {
    const places: TrustPlaces = { client, fieldManager: FIELD_MANAGER, name: CONFIG_MAP, namespace: config.namespace }
    let roots: readonly string[] = []
    let owner: Owner = { kind: 'unknown' }
    const owned = ownerOf(places, RESOURCES.mutatingWebhookConfigurations, INSTALLED, found => {
      const before = owner
      owner = ownerAfter(before, found)
      if (owner !== before) upkeep.look()
    })
    const upkeep = new Upkeep({
      chores: () => [
        // First: without it, nobody is asked.
        ...callers.map(([resource, name]) => caBundle(places, resource, name, roots.join(''))),
        owned,
        ...published(owner).flatMap(by => plane.proxied().map(at => trustConfigMap(places, at, roots.join(''), by))),
      ],
      leads,
      setTimer: nature.setTimer,
      onEvent: event => report(event, log),
    })
    const unfollow = issuer.followBundle(bundle => {
      roots = bundle.roots
      upkeep.look()
    })
    const known = new KnownRoots({
      isKnown: async () => {
        const known = await Promise.all(callers.map(([resource, name]) => knowsRoots(places, resource, name, roots)))
        return known.every(Boolean)
      },
      serves,
      now: nature.now,
      setTimer: nature.setTimer,
    })
    known.start()
    return {
      lead: isLeader => {
        if (isLeader) upkeep.leading()
      },
      changed: () => upkeep.look(),
      unready: () => known.unready(),
      stop: async () => {
        known.stop()
        unfollow()
        await upkeep.stop()
      },
    }
  }
}

/**
 * Whose going takes the ConfigMaps along. Where nothing is installed, nobody's: then somebody runs us by hand. Where it is not known
 * yet, or has just gone, none is written: it might stay for ever.
 */
export type Owner =
  | { readonly kind: 'unknown' | 'none' | 'gone' }
  | { readonly kind: 'known'; readonly ref: OwnerReference }

/** The same object where nothing is new. */
export function ownerAfter(before: Owner, found: OwnerReference | undefined): Owner {
  if (found === undefined) {
    if (before.kind === 'known') return { kind: 'gone' }
    return before.kind === 'unknown' ? { kind: 'none' } : before
  }
  return before.kind === 'known' && before.ref.uid === found.uid ? before : { kind: 'known', ref: found }
}

/** By whom ConfigMaps are to be owned now; nothing where none is to be written. */
function published(owner: Owner): readonly (OwnerReference | undefined)[] {
  if (owner.kind === 'known') return [owner.ref]
  return owner.kind === 'none' ? [undefined] : []
}

/** By which objects the API server knows to call us. */
function callersOf(converted: readonly string[]): readonly (readonly [Resource, string])[] {
  const { mutatingWebhookConfigurations, validatingWebhookConfigurations, customResourceDefinitions } = RESOURCES
  return [
    [mutatingWebhookConfigurations, INSTALLED],
    [validatingWebhookConfigurations, INSTALLED],
    ...converted.map(name => [customResourceDefinitions, name] as const),
  ]
}

function report(event: UpkeepEvent, log: PartContext['log']): void {
  if (event.kind === 'upkeepRecovered') log.info('trust published', { where: event.what })
  else if (event.first) log.warn('trust not published', { where: event.what, error: event.error })
}
