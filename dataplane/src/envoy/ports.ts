/** The ports of a sidecar, and what marks its packets: what the rules of the kernel must know of Envoy, and no more. */
import type { Port } from '../mesh/index.ts'

/** Where an application's own connections are redirected to. */
export const CAPTURE_PORT: Port = 15_001
/** Where connections to an application are redirected to. */
export const INBOUND_PORT: Port = 15_006
/** Asked by the kubelet: `/ready` and the probes of the application. */
export const READY_PORT: Port = 15_021
/** Asked by Prometheus. */
export const STATS_PORT: Port = 15_090

/**
 * DSCP of a proxy's connections to the application beside it, which tells them from those to peers. Of the pool that RFC 2474
 * leaves to local use; such packets never leave the pod.
 */
export const APPLICATION_DSCP = 43

/** Linux: level and name of IP_TOS and IPV6_TCLASS, whose upper six bits are the DSCP. Any process may set them. */
export const TRAFFIC_CLASS = { ipv4: { level: 0, name: 1 }, ipv6: { level: 41, name: 67 } } as const
