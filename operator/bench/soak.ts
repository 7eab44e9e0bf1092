/**
 * Whether certificates can change under traffic: the shop with leaves of one minute, one rotation of the root, and customers
 * who never stop. `node operator/bench/soak.ts 10` runs ten minutes, prints one line of JSON, and fails if a request did.
 */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_MESH_CONFIG, serviceKey, servicePortKey } from '@smi-mesh/dataplane/mesh'
import { type Answer, ask } from '../demo/shopper.ts'
import { type ControlPlane, startControlPlane } from '../src/control-plane.ts'
import {
  Authority,
  CredentialFolders,
  controlPlaneIdentity,
  fileStores,
  Issuer,
  serverCredentials,
} from '../src/identity/index.ts'
import { setTimer } from '../src/real-timer.ts'
import type { Source } from '../src/sources/source.ts'
import { findEnvoy } from '../src/standalone/envoy-binary.ts'
import { type StartedMesh, startStandalone } from '../src/standalone/up.ts'
import { quantile } from './statistics.ts'

const SHOP = join(import.meta.dirname, '../examples/shop')
const LEAF_MS = 60_000
/** All clocks are one, so an old root may go soon after its last leaf. */
const SKEW_MS = 5_000
const REQUESTS_PER_SECOND = 100
const READY_MS = 60_000

/** What is counted beside the requests. */
interface Ledger {
  issued: number
  readonly roots: Set<string>
  readonly failures: string[]
}

/** The control plane that `smictl up` runs, with its authority at hand. */
async function startMesh(authority: Authority, folder: string, source: Source, ledger: Ledger): Promise<StartedMesh> {
  const { promise: made, resolve } = Promise.withResolvers<Issuer>()
  let issuer: Issuer | undefined
  const plane = await startControlPlane({
    source,
    config: DEFAULT_MESH_CONFIG,
    xds: {
      address: '127.0.0.1:0',
      credentials: () => {
        if (issuer === undefined) throw new Error('Credentials are asked for before there is an issuer.')
        return serverCredentials(issuer, controlPlaneIdentity(DEFAULT_MESH_CONFIG.trustDomain))
      },
      trustPlaintext: false,
    },
    identities: (tables, onChange, allHold) => {
      issuer = new Issuer({
        authority,
        ...tables,
        onChange,
        onEvent: event => {
          if (event.kind === 'issued') ledger.issued++
          if (event.kind === 'rootsChanged') for (const { id } of event.roots) ledger.roots.add(id)
          if ('error' in event) ledger.failures.push(event.error.message)
        },
        now: Date.now,
        random: Math.random,
        setTimer,
        store: fileStores(folder).leaves,
        bundleHeld: allHold,
      })
      resolve(issuer)
      return issuer
    },
    events: { rejected: rejection => ledger.failures.push(rejection.message) },
  })
  const issuing = await made
  issuing.start()
  const credentials = new CredentialFolders({
    source: issuing,
    setTimer,
    onEvent: event => {
      if (event.kind === 'credentialsFailed') ledger.failures.push(event.error.message)
    },
  })
  const stop = async () => {
    credentials.stop()
    await plane.stop()
    await issuing.stop()
  }
  return { plane, credentials, adminPort: 0, stop }
}

/** The address customers call, once every Service has somebody behind it and an order goes through. */
async function shopOf(plane: ControlPlane, agent: Agent): Promise<URL> {
  const deadline = performance.now() + READY_MS
  while (performance.now() < deadline) {
    const [endpoint] = plane.mesh.endpoints.get(servicePortKey(serviceKey('web', 'storefront'), 8080))?.endpoints ?? []
    const url = endpoint === undefined ? undefined : new URL(`http://${endpoint.ip}:${endpoint.port}/checkout`)
    if (url !== undefined && (await ask(url, agent)).status === 200) return url
    await sleep(50)
  }
  throw new Error(`The shop did not open within ${READY_MS / 1000} s.`)
}

/** So many requests a second, whether or not the earlier ones have been answered. */
async function trade(url: URL, agent: Agent, forMs: number): Promise<readonly Answer[]> {
  const asked: Promise<Answer>[] = []
  const began = performance.now()
  for (let elapsed = 0; elapsed < forMs; elapsed = performance.now() - began) {
    while (asked.length < (elapsed / 1000) * REQUESTS_PER_SECOND) asked.push(ask(url, agent))
    await sleep(5)
  }
  return await Promise.all(asked)
}

async function soak(minutes: number, folder: string, state: string): Promise<boolean> {
  const envoy = findEnvoy({ given: process.env['ENVOY'], from: import.meta.dirname, path: process.env['PATH'] ?? '' })
  if (envoy.kind === 'missing') throw new Error(envoy.message)
  const ledger: Ledger = { issued: 0, roots: new Set(), failures: [] }
  const identity = join(state, 'identity')
  const authority = await Authority.open({
    trustDomain: DEFAULT_MESH_CONFIG.trustDomain,
    store: fileStores(identity).authority,
    now: Date.now,
    leafMs: LEAF_MS,
    skewMs: SKEW_MS,
  })
  for (const { id } of authority.roots()) ledger.roots.add(id)
  const standalone = await startStandalone({
    folder,
    envoy: envoy.path,
    subnets: { first: 200, last: 230 },
    stateDirectory: join(state, 'run'),
    showsLogs: false,
    showsTable: false,
    xdsHost: '127.0.0.1',
    isInsecure: false,
    startMesh: source => startMesh(authority, identity, source, ledger),
    world: {
      write: () => {},
      complain: text => process.stderr.write(text),
      env: process.env,
      node: process.execPath,
      temporary: tmpdir(),
      pid: process.pid,
      uid: process.getuid?.() ?? 0,
      rows: 0,
      clock: Date.now,
      now: () => performance.now(),
    },
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const [before] = authority.roots()
  const forMs = minutes * 60_000
  try {
    const url = await shopOf(standalone.mesh.plane, agent)
    const rotation = sleep(forMs / 3).then(() => authority.rotate())
    const [answers] = await Promise.all([trade(url, agent, forMs), rotation])
    const failed = answers.filter(({ status }) => status !== 200)
    const times = answers.map(({ askedAt, answeredAt }) => answeredAt - askedAt)
    const figures = {
      minutes,
      requests: answers.length,
      failed: failed.length,
      firstFailure: failed[0]?.reason,
      leavesIssued: ledger.issued,
      rootsSeen: ledger.roots.size,
      firstRootGone: !authority.roots().some(({ id }) => id === before?.id),
      complaints: ledger.failures.length,
      firstComplaint: ledger.failures[0],
      p50Ms: Number(quantile(times, 0.5).toFixed(2)),
      p99Ms: Number(quantile(times, 0.99).toFixed(2)),
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
    return failed.length === 0
  } finally {
    agent.destroy()
    await standalone.stop()
  }
}

const minutes = Number(process.argv[2])
if (!(minutes > 0)) {
  process.stderr.write('Say how many minutes: node operator/bench/soak.ts 10\n')
  process.exit(2)
}
const folder = mkdtempSync(join(tmpdir(), 'smi-soak-shop-'))
const state = mkdtempSync(join(tmpdir(), 'smi-soak-'))
try {
  for (const file of readdirSync(SHOP)) copyFileSync(join(SHOP, file), join(folder, file))
  process.exitCode = (await soak(minutes, folder, state)) ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
  rmSync(state, { recursive: true, force: true })
}
