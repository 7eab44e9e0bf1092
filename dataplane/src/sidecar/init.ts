/**
 * Sets a pod up for its proxy, once, before anything else of it runs: writes what Envoy starts with, then leads the pod's
 * connections to it. In this order, so that a pod without rules never has a proxy that looks ready.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { bootstrap } from '../envoy/bootstrap.ts'
import { staticListeners } from '../envoy/static-listeners.ts'
import { tokenDescriptions, tokenFiles } from '../envoy/token.ts'
import type { JsonValue } from '../proto/index.ts'
import { applyRules, type RulesBackend } from './apply-rules.ts'
import { hasIpv6, type PodPlace, podPlace, type SidecarOptions, sidecarOptions } from './options.ts'
import { SidecarError } from './sidecar-error.ts'

/** Folders of a pod: `run` is the proxy's own, `identity` the volume with token and roots. */
export interface SidecarFolders {
  readonly run: string
  readonly identity: string
}

/** Where they are mounted. */
export const FOLDERS: SidecarFolders = { run: '/run/smi-mesh', identity: '/var/run/secrets/smi-mesh.dev' }

export function adminSocket({ run }: SidecarFolders): string {
  return `${run}/admin.sock`
}

export function bootstrapFile({ run }: SidecarFolders): string {
  return `${run}/bootstrap.json`
}

/** Which rules it set. Throws a SidecarError where it cannot. */
export function init(
  env: Readonly<Record<string, string | undefined>>,
  folders: SidecarFolders = FOLDERS,
): RulesBackend {
  const options = sidecarOptions(env)
  const place = podPlace(env)
  for (const [path, content] of sidecarFiles(options, place, folders)) write(path, content)
  return applyRules(options.capture, options.rules, hasIpv6(place))
}

/** Path → content of all that Envoy reads when it starts. No secret among it. */
export function sidecarFiles(
  options: SidecarOptions,
  place: PodPlace,
  folders: SidecarFolders,
): ReadonlyMap<string, JsonValue> {
  const { address, port, identity } = options.controlPlane
  const files = tokenFiles(folders.identity, folders.run)
  const statics = staticListeners({
    adminSocket: adminSocket(folders),
    podIp: place.ips[0] ?? '127.0.0.1',
    hasIpv6: hasIpv6(place),
    probes: options.probes,
  })
  const config = bootstrap({
    nodeId: `${place.name}.${place.namespace}`,
    nodeCluster: options.workload,
    admin: { kind: 'socket', path: adminSocket(folders) },
    xds: { address, port, security: { kind: 'token', files, server: identity } },
    begin: 'told',
    statics,
  })
  return new Map([...tokenDescriptions(files), [bootstrapFile(folders), config]])
}

/** Whole or not at all: the kubelet may end this container at any moment and run it again. */
function write(path: string, content: JsonValue): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o644 })
    renameSync(`${path}.new`, path)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new SidecarError(`${path} cannot be written: ${detail}. The volume smi-mesh-run must be mounted there.`)
  }
}
