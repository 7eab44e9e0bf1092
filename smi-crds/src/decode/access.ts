/** What a TrafficTarget or an IdentityBinding in the hub's form means. */

import { destinationPort } from '../convert/access.ts'
import type { IdentityBindingSpec, Subject, TargetRule, TrafficTargetSpec } from '../hub.ts'
import { type Fields, fieldsOr, isAbsent, isFields, listOf, textOf } from '../json.ts'

export function targetSpec(hub: Fields): TrafficTargetSpec {
  const spec = fieldsOr(hub['spec'])
  return {
    destination: subject(spec['destination'], destinationPort(hub)),
    sources: listOf(spec['sources']).map(source => subject(source, undefined)),
    rules: listOf(spec['rules']).map(targetRule),
  }
}

function subject(value: unknown, port: number | undefined): Subject {
  const { kind, name, namespace } = fieldsOr(value)
  return { kind: textOf(kind), name: textOf(name), namespace: textOf(namespace) || undefined, port }
}

function targetRule(value: unknown): TargetRule {
  const { kind, name, matches } = fieldsOr(value)
  // Only a group has routes to choose from; elsewhere the list has no meaning, not even that of nothing.
  const chosen = isAbsent(matches) || kind !== 'HTTPRouteGroup' ? undefined : listOf(matches).map(textOf)
  return { kind: textOf(kind), name: textOf(name), matches: chosen }
}

export function bindingSpec(hub: Fields): IdentityBindingSpec {
  const { podLabelSelector, spiffeIdentities, serviceAccount } = fieldsOr(fieldsOr(hub['spec'])['schemes'])
  return {
    schemes: {
      podLabelSelector: isFields(podLabelSelector)
        ? { matchLabels: labels(podLabelSelector['matchLabels']) }
        : undefined,
      spiffeIdentities: listOf(spiffeIdentities).map(textOf),
      serviceAccount: textOf(serviceAccount) || undefined,
    },
  }
}

function labels(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOr(value)).map(([name, text]) => [name, textOf(text)]))
}
