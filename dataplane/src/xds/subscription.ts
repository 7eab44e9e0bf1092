/**
 * What a client asks for of one type, and the wildcard rules of the xDS text ("How the client specifies what resources
 * to return").
 */
import type { TypeUrl } from '../mesh/resource.ts'
import { type NameSet, NO_NAMES, withNames, withoutNames } from './name-set.ts'
import type { DiscoveryRequest } from './request.ts'
import { hasLegacyWildcard } from './type-url.ts'

export const WILDCARD = '*'

export interface Subscription {
  /** Asked for by name; with or without the wildcard. */
  readonly names: NameSet
  readonly wildcard: boolean
}

/** A change of interest: what must be answered because of it, and what the client has forgotten. */
export interface Interest {
  readonly subscription: Subscription
  /** Answered whether or not the client seems to hold them: "the client may have forgotten those resources". */
  readonly asked: readonly string[]
  /** Everything of the scope is asked for. */
  readonly askedAll: boolean
  /** Names the client no longer keeps. */
  readonly dropped: readonly string[]
  /** Whatever is in no way subscribed any more. */
  readonly droppedAll: boolean
}

/** The first request of a type. One that names nothing at all asks, by historical custom, for everything. */
export function firstSubscription(type: TypeUrl, request: DiscoveryRequest): Subscription {
  const silent = request.subscribe.length === 0 && request.unsubscribe.length === 0
  const wildcard = (silent && hasLegacyWildcard(type)) || request.subscribe.includes(WILDCARD)
  const { subscription } = interest({ names: NO_NAMES, wildcard }, request)
  return subscription
}

export function covers(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name)
}

/** A later request: subscriptions first, then unsubscriptions; unknown ones among these are phantoms and do nothing. */
export function interest(before: Subscription, { subscribe, unsubscribe }: DiscoveryRequest): Interest {
  const askedAll = subscribe.includes(WILDCARD)
  const droppedAll = unsubscribe.includes(WILDCARD)
  const wildcard = (before.wildcard || askedAll) && !droppedAll
  const more = subscribe.filter(name => name !== WILDCARD)
  const wanted = withNames(before.names, more)
  const fewer = unsubscribe.filter(name => wanted.has(name))
  const names = withoutNames(wanted, fewer)
  // "The server must send a response that includes the specific resource": under a wildcard the client cannot know
  // whether a name it no longer asks for still belongs to it.
  const asked = more.filter(name => names.has(name)).concat(wildcard ? fewer : [])
  return {
    subscription: { names, wildcard },
    asked,
    askedAll: askedAll && wildcard,
    dropped: wildcard ? [] : fewer,
    droppedAll: droppedAll && before.wildcard,
  }
}
