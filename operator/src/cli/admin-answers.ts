/** What a running control plane answers at its admin address, and the numbers it is asked for. Knows no HTTP. */
import { podOfNodeId, refText, type SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { AdminProviders } from '../admin/index.ts'
import type { Finding } from '../compile/index.ts'
import type { ControlPlane } from '../control-plane.ts'
import { expiries, type Issuer, type Signatory } from '../identity/index.ts'
import { printableMesh, printableResources } from '../printable.ts'
import type { EventLoopDelay, Metrics, Readings } from '../telemetry/index.ts'

/** Whose certificates are asked about. */
export interface Certified {
  readonly authority: Signatory
  readonly issuer: Issuer
  readonly controlPlane: SpiffeId
  readonly clock: () => number
}

export function adminProviders(plane: ControlPlane, metrics: Metrics, certified: Certified): AdminProviders {
  return {
    unready: () => [], // it is listened to once files are read and proxies are served
    metrics: () => metrics.text(),
    mesh: () => printableMesh(plane.mesh),
    findings: () => plane.findings().map(finding => ({ at: plane.originOf(finding.about) ?? '', ...finding })),
    problems: () => plane.sourceProblems(),
    proxies: () => plane.proxies(),
    counters: () => plane.counters(),
    certificates: () => certificatesOf(certified),
    config: node => {
      const pod = podOfNodeId(node)
      const workload = pod === undefined ? undefined : plane.mesh.pods.get(pod)
      return workload === undefined ? undefined : printableResources(plane.held(workload))
    },
  }
}

function certificatesOf({ authority, issuer, controlPlane, clock }: Certified) {
  const now = clock()
  const { skewMs } = authority.lifetimes
  const certificates = expiries({ roots: authority.roots(), leaves: issuer.held(), controlPlane, skewMs, now })
  return { trustDomain: authority.trustDomain, at: new Date(now).toISOString(), certificates }
}

export interface Readable {
  readonly plane: ControlPlane
  readonly issuer: Issuer
  readonly authority: Signatory
  readonly delay: EventLoopDelay
  readonly clock: () => number
}

export function readingsOf({ plane, issuer, authority, delay, clock }: Readable): Readings {
  return {
    findings: () => objectsByReason(plane.findings()),
    proxies: () => {
      const proxies = plane.proxies()
      return { connected: proxies.length, lagging: proxies.filter(proxy => proxy.lagging).length }
    },
    certificateEnds: () => [...issuer.certificates()].map(({ notAfter }) => notAfter),
    certificatesFailing: () => issuer.failing(),
    roots: () => authority.roots(),
    eventLoopDelay: () => delay.read(),
    now: clock,
  }
}

/** How many objects each reason is about. */
function objectsByReason(findings: readonly Finding[]): ReadonlyMap<string, number> {
  const objects = Map.groupBy(findings, ({ reason }) => reason)
  return new Map([...objects].map(([reason, same]) => [reason, new Set(same.map(({ about }) => refText(about))).size]))
}
