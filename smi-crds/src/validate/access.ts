/** What a TrafficTarget and an IdentityBinding must and should be, beyond their schemas. */

import { type Fields, fieldsOr, isAbsent, textOf } from '../json.ts'
import type { Version } from '../kinds.ts'
import { namespaceOf } from '../metadata.ts'
import { readPort } from '../port.ts'
import { quote } from '../quote.ts'
import { deny, type Ruling, reject, warn } from '../ruling.ts'
import { at, each, type Placed, root, targetFields } from './layout.ts'

export function* targetRulings(object: Fields, version: Version): Generator<Ruling> {
  const { body, rules } = targetFields(object, version)
  yield* destinationRulings(at(body, 'destination'), namespaceOf(object), version)
  yield* emptyRulings(at(body, rules), 'rule', version)
  yield* emptyRulings(at(body, 'sources'), 'source', version)
  for (const rule of each(at(body, rules))) yield* ruleRulings(rule)
  for (const source of each(at(body, 'sources'))) yield* portRulings(at(source, 'port'))
}

function* destinationRulings(destination: Placed, own: string, version: Version): Generator<Ruling> {
  const namespace = at(destination, 'namespace')
  const other = textOf(namespace.value)
  // Who may write in one namespace must not open another; the standard leaves it open, all meshes agree.
  if (other !== '' && other !== own) {
    const message = `A TrafficTarget opens its own namespace ${quote(own)} only, not ${quote(other)}; create it there.`
    yield reject(namespace.path, 'destination-namespace', message)
  }
  const port = at(destination, 'port')
  yield* portRulings(port)
  if (version >= 'v1alpha3' && !isAbsent(port.value)) {
    const message = `${version} has no port here; it is obeyed, but other tools ignore it. Add a TCPRoute to the rules.`
    yield warn(port.path, 'destination-port', message)
  }
}

function* portRulings(port: Placed): Generator<Ruling> {
  if (isAbsent(port.value) || readPort(port.value) !== undefined) return
  yield reject(port.path, 'port-range', 'This is not a port; write a number from 1 to 65535.')
}

function* emptyRulings(list: Placed, noun: string, version: Version): Generator<Ruling> {
  if (!isAbsent(list.value) && !(Array.isArray(list.value) && list.value.length === 0)) return
  const message = `Without a ${noun} this TrafficTarget allows nothing; add at least one.`
  yield version < 'v1alpha3' ? warn(list.path, `${noun}s-empty`, message) : deny(list.path, `${noun}s-empty`, message)
}

function* ruleRulings(rule: Placed): Generator<Ruling> {
  const matches = at(rule, 'matches')
  if (isAbsent(matches.value)) return
  if (at(rule, 'kind').value !== 'HTTPRouteGroup') {
    const message = 'Only an HTTPRouteGroup has routes to choose from, and this is ignored; remove it.'
    yield warn(matches.path, 'rule-matches', message)
  } else if (Array.isArray(matches.value) && matches.value.length === 0) {
    const message =
      'This list names no route, so that the rule allows nothing; remove it to allow all routes of the group.'
    yield warn(matches.path, 'rule-matches', message)
  }
}

export function* bindingRulings(object: Fields): Generator<Ruling> {
  const schemes = at(at(root(object), 'spec'), 'schemes')
  const { podLabelSelector, spiffeIdentities, serviceAccount } = fieldsOr(schemes.value)
  if (!isAbsent(podLabelSelector) && !isAbsent(serviceAccount)) {
    const message = 'podLabelSelector and serviceAccount exclude each other; remove one, or write two IdentityBindings.'
    yield reject(schemes.path, 'schemes-exclusive', message)
  }
  if ([podLabelSelector, spiffeIdentities, serviceAccount].every(isAbsent)) {
    const message =
      'An IdentityBinding without a scheme names nobody; write podLabelSelector, spiffeIdentities or serviceAccount.'
    yield reject(schemes.path, 'schemes-empty', message)
  }
}
