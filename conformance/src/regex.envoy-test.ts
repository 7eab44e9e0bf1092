/**
 * The expressions of users as Envoy evaluates them, against the engine by which the model judges them. What differs is listed
 * in `regex-disagreements.json`, a list that may only grow shorter.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fits } from '@smi-mesh/dataplane/mesh'
import { type EnvoyDriver, startEnvoyDriver } from './drivers/envoy.ts'
import { envoyBinary } from './harness/envoy.ts'
import { DEFAULT_WORLD_CONFIG, type HttpCall, type RawObject, type World } from './world.ts'
import { CAST, clusterIp, POD_PORTS } from './worlds/cast.ts'
import { namespaceObject, podObject, serviceObject, smiObject } from './worlds/objects.ts'

const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
const skip = binary === undefined ? 'There is no Envoy on this machine: run `make setup`, or set ENVOY.' : false

/** Each way of writing expressions that RE2 has, and what other engines have and RE2 refuses. */
const EXPRESSIONS = [
  ...['abc', 'a|b', 'a|bc|', '(a|b)c', '(?:a|b)+', 'a*', 'a+?', 'a??b', 'a{2}', 'a{2,}', 'a{2,3}', '(a+)+b', ''],
  ...[
    '.',
    '.*',
    '(?s).*',
    '^abc',
    'abc$',
    '^abc$',
    '^a|b$',
    'a^b',
    '(?m)^abc$',
    '\\Aabc\\z',
    'abc\\Z',
    '\\babc\\b',
    '\\Bb',
  ],
  ...[
    '[abc]',
    '[^abc]+',
    '[a-c]*',
    '[]a]',
    '[a-]',
    '[[:alpha:]]+',
    '[[:^digit:]]+',
    '[\\d_]+',
    '\\d+',
    '\\D+',
    '\\w+',
    '\\W',
    '\\s',
    '\\S+',
  ],
  ...[
    '\\pL+',
    '\\p{Greek}',
    '\\PL',
    '\\p{Lu}',
    'caf\\x{e9}',
    'caf.',
    'caf\\C\\C',
    '[é]',
    'CAFÉ',
    '(?i)CAFÉ',
    '(?i)abc',
    'a(?i:B)c',
    '(?U)a+',
  ],
  ...[
    '\\Qa.b\\E',
    '\\Qa.b',
    'a\\.b',
    'a.b',
    '\\a',
    '\\x61',
    '\\141',
    '\\07',
    '(?P<n>a)',
    '(?<n>a)',
    '(?i-s).+',
    '\\/x',
    'a\\-b',
  ],
  ...[
    '(a)\\1',
    '(?=a)a',
    '(?!b)a',
    '(?<=a)b',
    'a++',
    '(?>a)',
    '*a',
    'a**',
    '(a',
    'a)',
    '[z-a]',
    '\\y',
    'a{1001}',
    '\\p{Nope}',
  ],
] as const

const TEXTS = [
  ...['a', 'b', 'abc', 'ABC', 'abcabc', 'xabc', 'abcx', 'aa', 'aaa', 'aab', 'bc', 'ac', '', '1', '12_3', 'a.b', 'axb'],
  ...[
    'a-b',
    '-',
    ']',
    'caf\u00e9',
    'CAF\u00c9',
    '\u03b1',
    '/x',
    'a b',
    'a,b',
    'z',
    '_',
    '#',
    'aaab',
    'ab',
    '\\',
    '^',
    '$',
  ],
] as const

const KNOWN: readonly string[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../regex-disagreements.json'), 'utf8'),
)

const RED = { namespace: 'red', name: 'red-b1' }
const WEB = { namespace: 'red', name: 'web' }

describe('an expression means to Envoy what it means to the model', { skip }, () => {
  let driver: EnvoyDriver | undefined
  before(async () => {
    driver = binary === undefined ? undefined : await startEnvoyDriver(binary, DEFAULT_WORLD_CONFIG)
  })
  after(() => driver?.stop())

  test('apart from what is listed', async () => {
    assert.ok(driver)
    const found: string[] = []
    for (const expression of EXPRESSIONS) {
      await driver.enter(worldOf(expression))
      for (const text of TEXTS) {
        const envoy = await fitsInEnvoy(driver, text)
        if (envoy !== fits({ regex: expression, anchor: 'full' }, text)) {
          found.push(`/${expression}/ ${envoy ? 'fits' : 'does not fit'} ${JSON.stringify(text)} in Envoy alone`)
        }
      }
    }
    assert.deepEqual(found, KNOWN)
  })
})

/** Who may call: whoever sends a header that is described by the expression. */
function worldOf(expression: string): World {
  const subject = (name: string) => ({ kind: 'ServiceAccount', name, namespace: 'red' })
  const objects: readonly RawObject[] = [
    namespaceObject('red'),
    namespaceObject('blue'),
    ...CAST.map(member => {
      const labels = member.pod.name === RED.name ? { app: 'web' } : {}
      return podObject(member.pod, { ...member, labels, ports: POD_PORTS })
    }),
    serviceObject(WEB, clusterIp(WEB), { app: 'web' }, [{ port: 80, targetPort: 8080, name: 'http' }]),
    smiObject(
      'HTTPRouteGroup',
      'v1alpha4',
      { namespace: 'red', name: 'group' },
      {
        spec: { matches: [{ name: 'one', headers: { 'x-text': expression } }] },
      },
    ),
    smiObject(
      'TrafficTarget',
      'v1alpha3',
      { namespace: 'red', name: 'target' },
      {
        spec: {
          destination: subject('b'),
          sources: [subject('a')],
          rules: [{ kind: 'HTTPRouteGroup', name: 'group' }],
        },
      },
    ),
  ]
  return { config: DEFAULT_WORLD_CONFIG, objects }
}

async function fitsInEnvoy(driver: EnvoyDriver, text: string): Promise<boolean> {
  // Headers are bytes: what is not ASCII goes as UTF-8.
  const value = Buffer.from(text, 'utf8').toString('latin1')
  const call: HttpCall = {
    kind: 'http',
    method: 'GET',
    path: '/',
    headers: [
      ['Host', 'web'],
      ['X-Text', value],
    ],
  }
  const outcome = await driver.ask({
    caller: { kind: 'pod', pod: { namespace: 'red', name: 'red-a' } },
    target: { kind: 'service', service: WEB, port: 80 },
    call,
  })
  assert.ok(outcome === '403' || outcome === 'pod red/red-b1', `${JSON.stringify(text)}: ${outcome}`)
  return outcome !== '403'
}
