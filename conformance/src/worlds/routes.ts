/** HTTPRouteGroups, TCPRoutes and UDPRoutes of made-up worlds, in every version. */
import fc from 'fast-check'
import type { RawObject } from '../world.ts'
import { NAMESPACES } from './cast.ts'
import { smiObject } from './objects.ts'

/** Paths that meet those requests use; then what people get wrong: anchors, dots, alternatives, case, and what RE2 refuses. */
export const PATH_REGEXES = [
  '/api',
  '/api',
  '/api/.*',
  '/api/v[12]/items',
  '^/api$',
  '/api/?$',
  '/secret',
  '/a|/b',
  '(?i)/API',
  '.*',
  '.*\\.html',
  '/secret',
  '/api/[^/]+/edit',
  '/%C3%A4',
  '/api;v=1',
  '/api(?!/v1)',
  'api',
  '',
] as const

export const HEADER_REGEXES = ['1', '.*', '.+', '(true|yes)', '.*Firefox.*', '^a,b$', '', '(|1)', '[^,]*', 'é'] as const
export const HOST_REGEXES = [
  'web',
  'web-v[12]',
  'web(-v1)?\\.red.*',
  '.*\\.cluster\\.local',
  'WEB',
  'example\\.org',
] as const
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT'] as const

const wanted = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('x-canary'), fc.constantFrom(...HEADER_REGEXES)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('User-Agent'), fc.constantFrom('.*Firefox.*', 'curl/.*')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('x_under'), fc.constantFrom('1', '.*')) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('host'), fc.constantFrom(...HOST_REGEXES)) },
)

const headers = fc
  .uniqueArray(wanted, { minLength: 1, maxLength: 2, selector: ([name]) => name })
  .map((found): Readonly<Record<string, string>> => Object.fromEntries(found))

interface Match {
  readonly pathRegex?: string
  readonly methods?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

const methods = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(['*'], []) },
  { weight: 4, arbitrary: fc.uniqueArray(fc.constantFrom(...METHODS), { minLength: 1, maxLength: 4, size: 'max' }) },
)

/** One condition, now and then two or none: routes that ask for much at once fit nothing, and prove nothing. */
const match: fc.Arbitrary<Match> = fc
  .record({ pathRegex: fc.constantFrom(...PATH_REGEXES), methods, headers })
  .chain(all => {
    const { pathRegex, methods, headers } = all
    return fc.oneof(
      { weight: 6, arbitrary: fc.constant({ pathRegex }) },
      { weight: 3, arbitrary: fc.constant({ headers }) },
      { weight: 2, arbitrary: fc.constant({ methods }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom<Match>({ pathRegex, methods }, { pathRegex, headers }, { methods, headers }, all),
      },
      { weight: 1, arbitrary: fc.constant({}) },
    )
  })

const matches = fc
  .oneof(
    { weight: 9, arbitrary: fc.array(match, { minLength: 1, maxLength: 2, size: 'max' }) },
    { weight: 1, arbitrary: fc.constant([]) },
  )
  .map(found => found.map((match, index) => ({ name: index === 0 ? 'one' : 'two', ...match })))

type NamedMatch = Match & { readonly name: string }
type Form = 'map' | 'list'

/** v1alpha1 knows no headers and asks for all of the rest; v1alpha1 and v1alpha2 have no `spec`. */
function group(namespace: string, name: string, version: string, found: readonly NamedMatch[], form: Form): RawObject {
  const written = found.map(({ headers, ...rest }) => {
    if (version === 'v1alpha1') return { pathRegex: '.*', methods: ['*'], ...rest }
    if (headers === undefined) return rest
    const list = Object.entries(headers).map(([key, value]) => ({ [key]: value }))
    return { ...rest, headers: form === 'map' ? headers : list }
  })
  const top = version === 'v1alpha1' || version === 'v1alpha2'
  return smiObject(
    'HTTPRouteGroup',
    version,
    { namespace, name },
    top ? { matches: written } : { spec: { matches: written } },
  )
}

const version = fc.constantFrom('v1alpha4', 'v1alpha4', 'v1alpha3', 'v1alpha2', 'v1alpha1')
const groups = fc
  .tuple(
    ...NAMESPACES.flatMap(namespace =>
      ['reads', 'any', 'flags'].map(name =>
        fc
          .tuple(version, matches, fc.constantFrom<Form>('map', 'list'))
          .map(([version, found, form]) => group(namespace, name, version, found, form)),
      ),
    ),
  )
  .chain(all => fc.subarray(all, { minLength: all.length - 1 }))

const portList = fc.subarray([80, 8080, 8081, 9000], { minLength: 1 })

function portRoutes(kind: 'TCPRoute' | 'UDPRoute', name: string, ports: fc.Arbitrary<readonly number[] | undefined>) {
  return fc.tuple(
    ...NAMESPACES.map(namespace =>
      ports.map(found =>
        found === undefined
          ? smiObject(kind, 'v1alpha3', { namespace, name }, { spec: {} })
          : smiObject(kind, 'v1alpha4', { namespace, name }, { spec: { matches: { ports: found } } }),
      ),
    ),
  )
}

export const routes: fc.Arbitrary<readonly RawObject[]> = fc
  .tuple(
    groups,
    portRoutes('TCPRoute', 'ports', portList),
    portRoutes('TCPRoute', 'all-ports', fc.constantFrom([], undefined)),
    portRoutes('UDPRoute', 'datagrams', fc.constantFrom([], [8080])),
  )
  .map(parts => parts.flat())
