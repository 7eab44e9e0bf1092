/** What is spoken on a port, from what its Service or its container says. Who says nothing is listened to (`auto`). */
import type { Port, Protocol } from '@smi-mesh/dataplane/mesh'

/** Names of protocols, as `appProtocol` and as the first part of a port's name. */
const NAMED: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http'],
  ['http1', 'http'],
  ['grpc-web', 'http'],
  ['ws', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['grpc', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ...[
    'tcp',
    'tls',
    'https',
    'wss',
    'mongo',
    'mongodb',
    'mysql',
    'postgres',
    'postgresql',
    'redis',
    'smtp',
    'nats',
    'amqp',
    'kafka',
  ].map(name => [name, 'tcp'] as const),
])

/** Ports where the server speaks first, so that waiting for the client's first bytes would wait for ever. */
const SERVER_FIRST: ReadonlySet<Port> = new Set([21, 22, 25, 110, 143, 587, 3306, 4222, 4444, 5432, 6379, 11_211])

/** A protocol somebody named outright and we do not know is not HTTP: bytes. */
export function protocolOf(port: {
  readonly port: Port
  readonly name: string
  readonly appProtocol: string
}): Protocol {
  if (port.appProtocol !== '') return NAMED.get(port.appProtocol.toLowerCase()) ?? 'tcp'
  return byName(port.name.toLowerCase()) ?? (SERVER_FIRST.has(port.port) ? 'tcp' : 'auto')
}

function byName(name: string): Protocol | undefined {
  const dash = name.indexOf('-')
  return name.startsWith('grpc-web') ? 'http' : NAMED.get(dash < 0 ? name : name.slice(0, dash))
}
