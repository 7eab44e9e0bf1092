/** The part of a replica that publishes the roots of the mesh: to namespaces with proxies, and to the API server. */
import { RESOURCES } from '../../kubernetes/index.ts'
import type { Part, PartContext } from '../../part.ts'
import { caBundle, type OwnerReference, ownerOf, type TrustPlaces, trustConfigMap } from './trust.ts'
import { type Chore, Upkeep, type UpkeepEvent } from './upkeep.ts'

const FIELD_MANAGER = 'smi-mesh'
/** Of the webhook configurations, and so of what goes with them. */
const INSTALLED = 'smi-mesh'
const CONFIG_MAP = 'smi-mesh-trust'

/** `converted` are the names of the CRDs that call our webhook. */
export function trustPart(converted: readonly string[]): (context: PartContext) => Promise<Part> {
  return async ({ client, config, plane, issuer, leads, nature, log }) => {
    const places: TrustPlaces = { client, fieldManager: FIELD_MANAGER, name: CONFIG_MAP, namespace: config.namespace }
    let roots = ''
    let owner: Owner = { kind: 'unknown' }
    const owned = ownerOf(places, RESOURCES.mutatingWebhookConfigurations, INSTALLED, found => {
      const before = owner
      owner = ownerAfter(before, found)
      if (owner !== before) upkeep.look()
    })
    const upkeep = new Upkeep({
      chores: () => [
        ...verified(places, converted, roots), // first: without it, nobody is asked
        owned,
        ...published(owner).flatMap(by => plane.proxied().map(at => trustConfigMap(places, at, roots, by))),
      ],
      leads,
      setTimer: nature.setTimer,
      onEvent: event => report(event, log),
    })
    const unfollow = issuer.followBundle(bundle => {
      roots = bundle.roots.join('')
      upkeep.look()
    })
    return {
      lead: isLeader => {
        if (isLeader) upkeep.leading()
      },
      changed: () => upkeep.look(),
      stop: async () => {
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

/** What the API server verifies our answers by. */
function verified(places: TrustPlaces, converted: readonly string[], roots: string): readonly Chore[] {
  const { mutatingWebhookConfigurations, validatingWebhookConfigurations, customResourceDefinitions } = RESOURCES
  return [
    caBundle(places, mutatingWebhookConfigurations, INSTALLED, roots),
    caBundle(places, validatingWebhookConfigurations, INSTALLED, roots),
    ...converted.map(name => caBundle(places, customResourceDefinitions, name, roots)),
  ]
}

function report(event: UpkeepEvent, log: PartContext['log']): void {
  if (event.kind === 'upkeepRecovered') log.info('trust published', { where: event.what })
  else if (event.first) log.warn('trust not published', { where: event.what, error: event.error })
}
