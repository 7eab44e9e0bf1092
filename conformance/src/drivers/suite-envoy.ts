/**
 * The suite against real proxies: one Envoy before each pod of a scene, fed by the product's control plane, all of them
 * processes of this machine. A case changes objects only; it is asked once every proxy has acknowledged them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_MESH_CONFIG } from '@smi-mesh/dataplane/mesh'
import type { Scene } from '../case.ts'
import type { Fault } from '../faults.ts'
import { type Echo, startEcho } from '../harness/echo.ts'
import { type Envoy, startEnvoy } from '../harness/envoy.ts'
import type { Driver, Stage } from '../suite/driver.ts'
import type { RawObject } from '../world.ts'
import { BYTE_PORTS, HTTP_PORTS } from './application-ports.ts'
import { Callers } from './callers.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { warmed } from './envoy.ts'
import { FaultyWorld } from './faulty-world.ts'
import { readIn, refusalOf } from './library.ts'
import { type ScenePod, scenePods } from './scene-world.ts'

/** What proxies cannot be asked about. */
const ENVOY_LACKS: Driver['lacks'] = new Map([
  ['kubernetes-api', 'there is no API server'],
  ['metrics', 'there is no API server that could be asked for metrics.smi-spec.io'],
  ['udp', 'the mesh does not carry UDP'],
  ['versions', 'in which version an object is read is no matter of proxies'],
])

export interface EnvoySuiteDriver extends Driver {
  enter(scene: Scene): Promise<EnvoyStage>
}

export interface EnvoyStage extends Stage {
  /** Makes the mesh wrong from the next case on; undefined makes it right again. */
  spoil(fault: Fault | undefined): void
}

export function envoySuiteDriver(binary: string): EnvoySuiteDriver {
  return { name: 'envoy', lacks: ENVOY_LACKS, enter: scene => enter(binary, scene), stop: async () => undefined }
}

async function enter(binary: string, scene: Scene): Promise<EnvoyStage> {
  const owned = new AsyncDisposableStack()
  try {
    return await stageOf(binary, scene, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

async function stageOf(binary: string, scene: Scene, owned: AsyncDisposableStack): Promise<EnvoyStage> {
  const pods = scenePods(scene)
  const plane = await startControlPlane(DEFAULT_MESH_CONFIG)
  owned.defer(() => plane.stop())
  for (const pod of pods) await application(pod, owned)
  const seenBy = new FaultyWorld(scene)
  plane.replace(seenBy.begin(scene.access))
  const meshed = pods.filter(pod => pod.meshed)
  const envoys = await Promise.all(meshed.map(pod => proxy(binary, plane, pod, owned)))
  const callers = new Callers(pods, seenBy.world)
  owned.defer(async () => callers.stop())
  const take = async (objects: readonly RawObject[]) => {
    plane.replace(objects)
    await plane.inForce(meshed.length)
    await Promise.all(envoys.map(warmed))
  }
  await take(seenBy.begin(scene.access))
  return {
    begin: async (_one, access) => {
      callers.hangUp()
      await take(seenBy.begin(access))
    },
    change: change => take(seenBy.change(change)),
    call: when => callers.call(when),
    conditionsOf: async name => plane.conditionsOf(name),
    refusalOf: async object => refusalOf(object),
    read: async (name, version) => readIn(seenBy.world.applied(), name, version),
    get: async path => {
      throw new Error(`There is no API server to answer ${path}.`)
    },
    spoil: fault => {
      seenBy.fault = fault
      plane.spoil(fault)
    },
    stop: () => owned.disposeAsync(),
  }
}

/** Behind a sidecar an application listens beside it; without one it answers at the pod's own address. */
async function application({ pod, subnet, meshed }: ScenePod, owned: AsyncDisposableStack): Promise<Echo> {
  const echo = await startEcho({
    name: `${pod.namespace}/${pod.name}`,
    address: `127.${subnet}.0.${meshed ? 2 : 1}`,
    httpPorts: HTTP_PORTS,
    bytePorts: BYTE_PORTS,
  })
  owned.defer(() => echo.stop())
  return echo
}

async function proxy(
  binary: string,
  plane: ControlPlane,
  { pod, account }: ScenePod,
  owned: AsyncDisposableStack,
): Promise<Envoy> {
  const credentials = await mkdtemp(join(tmpdir(), 'smi-credentials-'))
  owned.defer(() => rm(credentials, { recursive: true, force: true }))
  const envoy = await startEnvoy({
    binary,
    bootstrap: admin => plane.bootstrapOf({ pod, account }, credentials, admin),
  })
  owned.defer(() => envoy.stop())
  return envoy
}
