/** Made-up requests for a made-up world: what honest clients send, and what those send who look for a way around a rule. */
import fc from 'fast-check'
import { endpoints, pod, selects, service, services } from './oracle/pods.ts'
import { fields, list, nameOf, ofKind } from './oracle/read.ts'
import type { Call, Caller, Name, Request, Target, World } from './world.ts'
import { CAST, POD_PORTS } from './worlds/cast.ts'
import { METHODS } from './worlds/routes.ts'

const PATHS = [
  '/',
  '/api',
  '/api/',
  '/api/v1/items',
  '/api/v2/items',
  '/apis',
  '/API',
  '/a',
  '/b',
  '/index.html',
  '/secret',
  '/secret/x',
  '/api/7/edit',
  '/%C3%A4',
  '/api;v=1',
] as const

/** Ways to write a path so that a careless reader takes it for another. */
const DISGUISES: readonly ((path: string) => string)[] = [
  path => path,
  path => path,
  path => `${path}?x=/secret`,
  path => `/${path}`,
  path => `/x/..${path}`,
  path => `/secret/../${path.slice(1)}`,
  path => `/./${path.slice(1)}`,
  path => `/%2e%2e${path}`,
  path => `/x%2F..${path}`,
  path => path.replaceAll('/', '//'),
  path => `${path}/..`,
  path => `${path}/%2E%2e/secret`,
  path => `${path}%2Fv1`,
  path => `${path}\\..\\secret`,
  path => `${path}%5C..%5Csecret`,
  path => path.replace('a', '%61'),
  path => path.replace('s', '%73'),
  path => path.replace('api', 'Api'),
  path => `${path};x`,
  path => `${path}%3Fx`,
  path => `${path}%23x`,
  path => `${path}%20`,
  path => `${path}%25`,
  path => `${path}%252e%252e`,
  path => `${path}/${'x'.repeat(3000)}`,
  path => `${path}.html`,
  path => `${path}?`,
  path => `${path}??a=b`,
]

const path = fc
  .tuple(fc.constantFrom(...PATHS), fc.constantFrom(...DISGUISES))
  .map(([path, disguise]) => disguise(path))

const header = fc.constantFrom<readonly (readonly [string, string])[]>(
  [['X-Canary', '1']],
  [['x-canary', '']],
  [['x-canary', '10']],
  ...(
    [
      ['a', '1'],
      ['1', 'a'],
      ['1', '1'],
      ['a', 'b'],
      ['true', ''],
    ] as const
  ).map(([first, second]) => [['x-canary', first] as const, ['X-CANARY', second] as const]),
  [['X-Canary', 'true']],
  [['x-canary', 'yes ']],
  [['x-canary', 'a,b']],
  [['X-Canary-', '1']],
)
const agent = fc.constantFrom('Mozilla Firefox', 'curl/8', 'firefox').map(value => [['user-agent', value] as const])
const under = fc.constantFrom('1', '2').map(value => [['x_under', value] as const])
const none = fc.constant([])

const headers = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: header }, none),
    fc.oneof(agent, none),
    fc.oneof({ weight: 4, arbitrary: none }, under),
  )
  .map(parts => parts.flat())

/** A Service by every name it has, as clients and their libraries write them. */
function hosts({ namespace, name }: Name, port: number): readonly string[] {
  const whole = `${name}.${namespace}.svc.cluster.local`
  return [
    name,
    `${name}:${port}`,
    `${name}.${namespace}`,
    whole,
    `${whole}:${port}`,
    `${whole}.`,
    `${whole}.:${port}`,
    name.toUpperCase(),
    '127.0.0.1',
    'web.blue.svc.cluster.local',
    'example.org',
  ]
}

/** Requests that ask for no path, and methods that few servers know. */
const STRANGE = [
  { method: 'OPTIONS', path: '*' },
  { method: 'CONNECT', path: 'web:443' },
  { method: 'TRACE', path: '/api' },
  { method: 'TRACE', path: '/secret' },
  { method: 'PURGE', path: '/api' },
] as const

function http(name: Name, port: number): fc.Arbitrary<Call> {
  return fc
    .record({
      line: fc.oneof(
        {
          weight: 30,
          arbitrary: fc.record({
            method: fc.constantFrom('GET', 'GET', ...METHODS.filter(method => method !== 'CONNECT')),
            path,
          }),
        },
        { weight: 1, arbitrary: fc.constantFrom(...STRANGE) },
      ),
      headers,
      host: fc.constantFrom(...hosts(name, port)),
    })
    .map(({ line, host, headers }) => ({ kind: 'http', ...line, headers: [['Host', host], ...headers] }))
}

const TCP: Call = { kind: 'tcp' }
const meshed = CAST.filter(member => member.meshed)
const client: fc.Arbitrary<Caller> = fc.constantFrom(...meshed).map(({ pod }) => ({ kind: 'pod', pod }))

/** Everything a client may call in a world: each port of each Service. */
function targets(world: World): readonly (Target & { readonly kind: 'service' })[] {
  return ofKind(world.objects, 'Service').flatMap(object =>
    list(fields(object['spec'])['ports']).map(port => ({
      kind: 'service' as const,
      service: nameOf(object),
      port: Number(fields(port)['port']),
    })),
  )
}

/** A member of the mesh calls a Service, mostly one where somebody is. */
function fromPod(world: World): fc.Arbitrary<Request> | undefined {
  const known = targets(world)
  if (known.length === 0) return undefined
  const inhabited = known.filter(target => isInhabited(world, target))
  const target = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...(inhabited.length > 0 ? inhabited : known)) },
    { weight: 1, arbitrary: fc.constantFrom(...known) },
  )
  return target.chain(target =>
    fc.record({
      caller: client,
      target: fc.constant(target),
      call: target.port === POD_PORTS.bytes ? fc.constant(TCP) : http(target.service, target.port),
    }),
  )
}

function isInhabited(world: World, target: Target & { readonly kind: 'service' }): boolean {
  const found = service(world, target.service)
  return found !== undefined && endpoints(world, found, target.port).length > 0
}

/** Somebody without a sidecar calls a pod by its address. Bytes only where a Service says so: nobody waits for them elsewhere. */
function fromStranger(world: World): fc.Arbitrary<Request> {
  const spoken = services(world).filter(({ ports }) => ports.includes(POD_PORTS.bytes))
  const asked = meshed.flatMap(({ pod: name }) => {
    const found = pod(world, name)
    const bytes = spoken.some(one => found !== undefined && selects(one, found))
    return Object.values(POD_PORTS)
      .filter(port => port !== POD_PORTS.bytes || bytes)
      .map(port => ({ pod: name, port }))
  })
  return fc.constantFrom(...asked).chain(({ pod, port }) =>
    fc.record({
      caller: fc.constant<Caller>({ kind: 'stranger' }),
      target: fc.constant<Target>({ kind: 'pod', pod, port }),
      call: port === POD_PORTS.bytes ? fc.constant(TCP) : http(pod, port),
    }),
  )
}

export function requests(world: World): fc.Arbitrary<Request> {
  const inside = fromPod(world)
  const outside = fromStranger(world)
  return inside === undefined ? outside : fc.oneof({ weight: 9, arbitrary: inside }, { weight: 1, arbitrary: outside })
}
