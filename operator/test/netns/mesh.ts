/** A control plane with real identities, and pods whose proxies were set up by the program that does it in a cluster. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DEFAULT_MESH_CONFIG, podKey, type SpiffeId, spiffeId } from '@smi-mesh/dataplane/mesh'
import { CAPTURE_ALL, OPTIONS_VARIABLE, type SidecarOptions } from '@smi-mesh/dataplane/sidecar'
import { type ControlPlane, startControlPlane } from '../../src/control-plane.ts'
import { Authority, Issuer, tokenServerCredentials } from '../../src/identity/index.ts'
import { MemoryAuthorityStore } from '../../src/identity/testdata/memory-store.ts'
import { setTimer } from '../../src/real-timer.ts'
import { MemorySource } from '../../src/sources/index.ts'
import { APPLICATION_USER, BRIDGE, Network, type NetworkPod, PROXY_USER } from './network.ts'

const TRUST_DOMAIN = 'cluster.local'
const CONTROL_PLANE: SpiffeId = spiffeId(TRUST_DOMAIN, { namespace: 'smi-mesh', serviceAccount: 'control-plane' })
const SIDECAR = join(import.meta.dirname, '../../../dataplane/src/sidecar/main.ts')
const APPLICATION = join(import.meta.dirname, 'application.ts')

export interface MeshPodOptions {
  readonly index: number
  readonly account: string
  readonly rules: 'nft' | 'iptables'
  readonly sidecar?: Partial<Pick<SidecarOptions, 'capture' | 'probes'>>
}

export class NetworkMesh {
  readonly source: MemorySource
  readonly network = new Network()
  readonly refusals: string[] = []
  readonly #envoy: string
  #plane: ControlPlane | undefined
  #roots = ''

  constructor(envoy: string, objects: readonly unknown[]) {
    this.#envoy = envoy
    this.source = new MemorySource(objects)
  }

  /** The port of the control plane. Tokens are of the form `<namespace>.<account>.<pod>`, and believed. */
  async start(): Promise<void> {
    const store = new MemoryAuthorityStore()
    const authority = await Authority.open({ trustDomain: TRUST_DOMAIN, store, now: Date.now })
    let issuer: Issuer | undefined
    this.#plane = await startControlPlane({
      source: this.source,
      config: { ...DEFAULT_MESH_CONFIG, ipFamilies: 'dual' },
      identities: ({ certificates, bundle }, onChange) => {
        issuer = new Issuer({
          ...{ authority, certificates, bundle, onChange, onEvent: () => {}, now: Date.now, random: Math.random },
          setTimer,
        })
        issuer.start()
        return issuer
      },
      xds: {
        address: `${BRIDGE.ipv4}:15010`,
        credentials: () => {
          if (issuer === undefined) throw new Error('No issuer yet.')
          return tokenServerCredentials(issuer, CONTROL_PLANE)
        },
        trustPlaintext: false,
        proof: {
          kind: 'token',
          review: async token => {
            const [namespace = '', serviceAccount = '', pod = ''] = token.split('.')
            const identity = spiffeId(TRUST_DOMAIN, { namespace, serviceAccount })
            return {
              kind: 'genuine',
              identity,
              pod: podKey(namespace, pod),
              uid: `uid-of-${pod}`,
              expiresAt: undefined,
            }
          },
        },
      },
      events: {
        refused: reason => this.refusals.push(reason),
        rejected: one => this.refusals.push(JSON.stringify(one)),
      },
    })
    issuer?.followBundle(({ roots }) => {
      this.#roots = roots.join('')
    })
  }

  /** A pod set up as its injected init container would, its application and its proxy started. */
  pod(name: string, options: MeshPodOptions): NetworkPod {
    const pod = this.network.pod(name, options.index)
    const volume = join(pod.identity, '..1')
    mkdirSync(volume)
    writeFileSync(join(volume, 'token'), `shop.${options.account}.${name}`)
    writeFileSync(join(volume, 'roots.pem'), this.#roots)
    symlinkSync('..1', join(pod.identity, '..data'))
    for (const file of ['token', 'roots.pem']) symlinkSync(`..data/${file}`, join(pod.identity, file))
    this.init(pod, options)
    pod.start(APPLICATION_USER, [process.execPath, APPLICATION, name], 'application')
    this.proxy(pod)
    return pod
  }

  init(pod: NetworkPod, { rules, sidecar }: MeshPodOptions): void {
    const told: SidecarOptions = {
      controlPlane: { address: BRIDGE.ipv4, port: 15_010, identity: CONTROL_PLANE },
      workload: `shop/${pod.name}`,
      capture: CAPTURE_ALL,
      probes: [],
      ...sidecar,
      rules,
    }
    const env = {
      [OPTIONS_VARIABLE]: JSON.stringify(told),
      POD_NAME: pod.name,
      POD_NAMESPACE: 'shop',
      POD_IPS: `${pod.ipv4},${pod.ipv6}`,
    }
    const { status, stderr } = pod.exec(0, [process.execPath, SIDECAR, 'init'], env)
    if (status !== 0) throw new Error(stderr)
    chmodSync(pod.run, 0o777)
  }

  proxy(pod: NetworkPod): void {
    const words = ['-c', '/run/smi-mesh/bootstrap.json', '--disable-hot-restart', '--concurrency', '1', '-l', 'warning']
    pod.start(PROXY_USER, [this.#envoy, ...words, '--drain-time-s', '2'], 'envoy')
  }

  sidecar(pod: NetworkPod, ...words: readonly string[]) {
    return pod.exec(PROXY_USER, [process.execPath, SIDECAR, ...words])
  }

  async stop(): Promise<void> {
    // First, while its proxies can still hear of it: what waits for a peer in a namespace that is gone waits long.
    await this.#plane?.stop()
    this.network.close()
  }
}

/** Waits for a condition; what throws is not so yet. */
export async function until(what: string, holds: () => boolean, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      if (holds()) return
    } catch (error) {
      last = error
    }
    await pause(100)
  }
  throw new Error(`${what}: not within ${withinMs} ms.`, { cause: last })
}
