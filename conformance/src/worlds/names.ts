/** Names that objects of made-up worlds bear and mention: few, so that they meet; and one of each that never exists. */
import fc from 'fast-check'
import { ACCOUNTS, NAMESPACES, SERVICES } from './cast.ts'

export const namespace = fc.constantFrom(...NAMESPACES)
export const otherNamespace = (home: string) => NAMESPACES.find(one => one !== home) ?? home

/** Half of all worlds' objects live in one namespace, where most callers and services are. */
export const home = fc.oneof(
  { weight: 2, arbitrary: fc.constant('red') },
  { weight: 1, arbitrary: fc.constant('blue') },
)

export const groupName = fc.constantFrom('reads', 'any', 'flags')
export const tcpRouteName = fc.constantFrom('ports', 'all-ports')
export const bindingName = fc.constantFrom('callers')
export const routeName = fc.constantFrom('one', 'two')

export const mentioned = <T extends string>(names: fc.Arbitrary<T>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 20, arbitrary: names }, { weight: 1, arbitrary: fc.constant('nowhere') })

export const account = mentioned(fc.constantFrom(...ACCOUNTS))
export const service = mentioned(fc.constantFrom(...SERVICES))

/** Nothing, some time in the year, or the very same time. */
export const createdAt = fc.constantFrom('', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-02-01T00:00:01Z')
