/**
 * Where the cast of worlds is played: one of several blocks of loopback subnets, so that several runs fit on one machine. Worlds
 * are written for the first block; what is said about addresses is moved to the block that was free.
 */

import { type Echo, startEcho } from '../harness/echo.ts'
import { fields } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'
import { CAST, type CastMember, POD_PORTS } from '../worlds/cast.ts'

export interface Stage {
  /** The second number of the addresses of a member. */
  subnetOf(member: CastMember): number
  /** A world's objects as they are on this stage. */
  placed(objects: readonly RawObject[]): readonly RawObject[]
  stop(): Promise<void>
}

const BLOCKS = 8

/** Takes the first block on which nobody else listens, by starting the applications there. */
export async function takeStage(): Promise<Stage> {
  for (let block = 0; ; block++) {
    try {
      return await stageOn(block * CAST.length)
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!taken || block + 1 === BLOCKS) throw error
    }
  }
}

async function stageOn(shift: number): Promise<Stage> {
  const echoes: Echo[] = []
  const stop = async () => {
    await Promise.all(echoes.map(echo => echo.stop()))
  }
  try {
    for (const member of CAST) echoes.push(await application(member, shift))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    subnetOf: ({ subnet }) => subnet + shift,
    placed: objects => objects.map(object => moved(object, shift)),
    stop,
  }
}

/** Behind a sidecar an application listens beside it; without one it answers at the pod's own address. */
function application({ pod, subnet, meshed }: CastMember, shift: number): Promise<Echo> {
  return startEcho({
    name: `${pod.namespace}/${pod.name}`,
    address: `127.${subnet + shift}.0.${meshed ? 2 : 1}`,
    httpPorts: [POD_PORTS.main, POD_PORTS.side],
    bytePorts: [POD_PORTS.bytes],
  })
}

function moved(object: RawObject, shift: number): RawObject {
  if (object['kind'] !== 'Pod') return object
  const status = fields(object['status'])
  const podIP = String(status['podIP']).replace(
    /^127\.(\d+)\./,
    (_, subnet: string) => `127.${Number(subnet) + shift}.`,
  )
  return { ...object, status: { ...status, podIP } }
}
