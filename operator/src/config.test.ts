import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OperatorConfig, type OperatorEnvironment, operatorCommand } from './config.ts'
import { meshError } from './mesh-error.ts'

async function configOf(words: readonly string[], environment: OperatorEnvironment = {}): Promise<OperatorConfig> {
  const found: OperatorConfig[] = []
  const command = operatorCommand(environment, 'host-1', async config => {
    found.push(config)
  })
  command.exitOverride().configureOutput({ writeErr: () => {} })
  await command.parseAsync([...words], { from: 'user' })
  const [config] = found
  assert.ok(config)
  return config
}

test('without a word, a replica listens for its cluster and keeps the look inside to its own pod', async () => {
  const config = await configOf([])
  assert.deepEqual(
    [config.xds, config.health, config.admin],
    [
      { host: '::', port: 15010 },
      { host: '::', port: 15014 },
      { host: '127.0.0.1', port: 15016 },
    ],
  )
  assert.deepEqual([config.namespace, config.identity, config.cluster], ['smi-mesh', 'host-1', { kind: 'default' }])
})

test('a pod without IPv6 listens on IPv4, for its kernel may have nothing else, unless it is told to', async () => {
  const hosts = async (POD_IPS?: string, words: readonly string[] = []) => {
    const { xds, health, webhooks } = await configOf(words, { POD_IPS })
    return [xds.host, health.host, webhooks.host]
  }
  assert.deepEqual(await hosts('10.0.0.4'), ['0.0.0.0', '0.0.0.0', '0.0.0.0'])
  for (const unknownOrBoth of [undefined, '', '10.0.0.4,fd00::4', 'fd00::4']) {
    assert.deepEqual(await hosts(unknownOrBoth), ['::', '::', '::'], unknownOrBoth)
  }
  assert.deepEqual(await hosts('10.0.0.4', ['--xds-address', '[::]:15010']), ['::', '0.0.0.0', '0.0.0.0'])
})

test('in a cluster the pods of the mesh are those that were injected', async () => {
  assert.equal((await configOf([])).mesh.proxied, 'injected')
})

test('labels of Open Service Mesh are honoured unless the operator is told to ignore them', async () => {
  assert.equal((await configOf([])).mesh.openServiceMeshLabels, 'honour')
  assert.equal((await configOf(['--open-service-mesh-labels', 'ignore'])).mesh.openServiceMeshLabels, 'ignore')
})

test('words say more than the environment, and the environment more than the machine', async () => {
  const environment = { POD_NAME: 'smi-mesh-7d4b', POD_NAMESPACE: 'mesh' }
  const told = await configOf([], environment)
  assert.deepEqual([told.namespace, told.identity], ['mesh', 'smi-mesh-7d4b'])
  const named = await configOf(['--namespace', 'other', '--identity', 'me'], environment)
  assert.deepEqual([named.namespace, named.identity], ['other', 'me'])
})

test('a kubeconfig and its context are taken as they are given', async () => {
  const { cluster } = await configOf(['--kubeconfig', 'k.yaml', '--context', 'c'])
  assert.deepEqual(cluster, { kind: 'file', path: 'k.yaml', context: 'c' })
})

test('an authority of others is one that a folder holds, and none unless one is named', async () => {
  assert.equal((await configOf(['--authority-files', '/authority'])).authorityFiles, '/authority')
  assert.equal((await configOf([])).authorityFiles, undefined)
})

test('a look inside that the network could reach is refused', async () => {
  const refused = await configOf(['--admin-address', '0.0.0.0:15016']).catch((error: unknown) => error)
  assert.ok(meshError(refused, 'AddressRefused'))
})

test('a configuration is not changed under way', async () => {
  const config = await configOf([])
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.mesh))
})

test('proxies accept IPv6 where pods have such addresses, and where they are told to', async () => {
  const families = async (words: readonly string[], POD_IPS?: string) =>
    (await configOf(words, { POD_IPS })).mesh.ipFamilies
  assert.deepEqual(
    [await families([]), await families([], '10.0.0.4'), await families([], '10.0.0.4,fd00::4')],
    ['ipv4', 'ipv4', 'dual'],
  )
  assert.equal(await families(['--ip-families', 'dual'], '10.0.0.4'), 'dual')
  assert.equal(await families(['--ip-families', 'ipv4'], '10.0.0.4,fd00::4'), 'ipv4')
})

test('pods are given proxies as the operator is told, and what means nothing is refused', async () => {
  const words = ['--proxy-memory-limit', '1Gi', '--proxy-cpu-request', '', '--proxy-log-level', 'debug']
  const { defaults } = (await configOf([...words, '--proxy-concurrency', '4'])).injection
  assert.deepEqual(
    [defaults.memoryLimit, defaults.cpuRequest, defaults.logLevel, defaults.concurrency, defaults.drainSeconds],
    ['1Gi', '', 'debug', 4, 25],
  )
  for (const [option, value] of [
    ['--proxy-memory-limit', 'much'],
    ['--proxy-log-level', 'loud'],
    ['--proxy-concurrency', '0'],
  ] as const) {
    await assert.rejects(configOf([option, value]), /must fit/, option)
  }
})
