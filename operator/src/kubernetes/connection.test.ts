import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { meshError } from '../mesh-error.ts'
import { connect, kubeconfigOf } from './connection.ts'
import { kubeConfigFor } from './testdata/scripted-server.ts'

const PLAIN = { name: 'c', cluster: { server: 'https://127.0.0.1:6443' } }

function kubeconfig(user: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [PLAIN],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}

function inFolder(body: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
    try {
      await body(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

test(
  'an exec plugin of a kubeconfig gives the token of a request',
  inFolder(async folder => {
    const path = join(folder, 'config')
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin' },
    }
    const args = ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`]
    const exec = { apiVersion: credential.apiVersion, command: process.execPath, args, interactiveMode: 'Never' }
    writeFileSync(path, kubeconfig({ exec }))
    const { headers } = await connect(kubeconfigOf({ kind: 'file', path })).options()
    assert.deepEqual({ ...headers }, { Authorization: 'Bearer from-plugin' })
  }),
)

test(
  'the certificate of a user is read anew for each request, for it is renewed under way',
  inFolder(async folder => {
    const path = join(folder, 'config')
    const cert = join(folder, 'cert.pem')
    writeFileSync(cert, 'first')
    writeFileSync(path, kubeconfig({ 'client-certificate': 'cert.pem', 'client-key-data': 'a2V5' }))
    const connection = connect(kubeconfigOf({ kind: 'file', path }))
    const first = await connection.options()
    writeFileSync(cert, 'second')
    const second = await connection.options()
    assert.deepEqual(
      [first, second].map(options => 'cert' in options && String(options.cert)),
      ['first', 'second'],
    )
    assert.equal(first.agent, second.agent, 'connections are kept')
  }),
)

const refusal = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return meshError(error, 'ConfigRefused')?.message ?? ''
  }
  return ''
}

test(
  'a context that is not there is refused with those that are',
  inFolder(async folder => {
    const path = join(folder, 'config')
    writeFileSync(path, kubeconfig({}))
    assert.equal(
      refusal(() => kubeconfigOf({ kind: 'file', path, context: 'nosuch' })),
      `The kubeconfig ${path} has no context "nosuch". Name one that it has: x.`,
    )
    writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'Config' }))
    assert.equal(
      refusal(() => kubeconfigOf({ kind: 'file', path, context: 'nosuch' })),
      `The kubeconfig ${path} has no context "nosuch", and no other. Name another file by --kubeconfig.`,
    )
  }),
)

test('a kubeconfig that cannot be used is refused with its name', () => {
  assert.match(
    refusal(() => kubeconfigOf({ kind: 'file', path: '/nowhere/config' })),
    /kubeconfig \/nowhere\/config/,
  )
  assert.match(
    refusal(() => connect(kubeConfigFor('no address'))),
    /names no cluster/,
  )
})
