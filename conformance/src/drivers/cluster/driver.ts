/**
 * The suite against a real cluster and whatever mesh runs in it: objects go through its API server, calls are made from inside
 * its pods. All it needs is kubectl, a kubeconfig and a description of the mesh.
 */
import { nameOfRaw } from '../../case/objects.ts'
import type { SpoilableDriver } from '../../fault-run.ts'
import type { Fault } from '../../faults.ts'
import { turnManifest } from '../../faulty-operator/turn.ts'
import type { Driver } from '../../suite/driver.ts'
import { type ApiServer, apiServer } from './api-server.ts'
import { caller } from './caller.ts'
import { kubernetes } from './kubernetes.ts'
import type { MeshOptions } from './mesh.ts'
import { misfit } from './misfit.ts'
import { ClusterStage } from './stage.ts'

/** Each has namespaces of its own, and waits for its pods most of the time: all of them may be there at once. */
const SCENES_AT_ONCE = 8
/** What stays wrong for so long is wrong. */
const FAULT_PATIENCE_MS = 4_000

/** `env`: where kubectl is found, and for which cluster (PATH, KUBECONFIG). */
export async function clusterDriver(mesh: MeshOptions, env: NodeJS.ProcessEnv): Promise<Driver> {
  return driverFor(mesh, env, await apiServer(env))
}

/** Against the operator of `faulty-operator`, which is made wrong by a namespace. */
export async function faultyClusterDriver(mesh: MeshOptions, env: NodeJS.ProcessEnv): Promise<SpoilableDriver> {
  const server = await apiServer(env)
  const api = kubernetes(server)
  let current: Fault | undefined
  let turn = Date.now()
  const begun = () => api.apply([turnManifest(current, turn++)])
  const driver = driverFor({ ...mesh, patienceMs: Math.min(mesh.patienceMs, FAULT_PATIENCE_MS) }, env, server, begun)
  return {
    ...driver,
    spoil: fault => {
      current = fault
    },
    stop: async () => {
      await api.delete([nameOfRaw(turnManifest(undefined, turn))])
      await driver.stop()
    },
  }
}

function driverFor(mesh: MeshOptions, env: NodeJS.ProcessEnv, api: ApiServer, begun?: () => Promise<void>): Driver {
  const ways = { api: kubernetes(api), caller: caller.bind(undefined, env), begun }
  return {
    name: mesh.name,
    lacks: mesh.lacks,
    scenesAtOnce: SCENES_AT_ONCE,
    cannotTake: one => misfit(mesh, one),
    enter: async scene => {
      const stage = new ClusterStage(ways, mesh, scene)
      try {
        await stage.setUp()
      } catch (error) {
        await stage.stop()
        throw error
      }
      return stage
    },
    stop: () => api.stop(),
  }
}
