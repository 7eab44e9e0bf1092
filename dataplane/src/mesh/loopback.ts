/**
 * Addresses of a mesh of plain processes on one machine, where nothing can be redirected and nobody is root.
 *
 * Pod P (1 to 254) owns 127.P.0.0/16: its proxy answers at 127.P.0.1, its application listens at 127.P.0.2, and a Service
 * with the cluster IP 127.0.x.y is, seen from that pod, at 127.P.x.y, where the pod's own proxy listens. Pod Q of a headless
 * Service is at 127.P.255.Q. So every pod has its own outbound sockets and no two proxies ever want the same one.
 */
import type { Ip, Port } from './keys.ts'

const POD = /^127\.(\d{1,3})\.0\.1$/
const SERVICE = /^127\.0\.(\d{1,3})\.(\d{1,3})$/

/** The subnet of a loopback pod, 1 to 254; undefined where the address belongs to no such pod. */
export function subnetOf(address: string): number | undefined {
  const subnet = Number(POD.exec(address)?.[1] ?? 0)
  return subnet >= 1 && subnet <= 254 ? subnet : undefined
}

/** Where pods on `subnet` are answered: by their proxy. */
export function podAddress(subnet: number): Ip {
  return `127.${subnet}.0.1` as Ip
}

/** Where the application of the pod on `subnet` listens. */
export function applicationAddress(subnet: number): Ip {
  return `127.${subnet}.0.2` as Ip
}

/** The cluster IP of service number `index`, 1 to 65,023. */
export function clusterAddress(index: number): Ip {
  const at = index + 255 // 127.0.0.0/24 is the host's own, 127.0.255.0/24 means pods
  return `127.0.${at >> 8}.${at & 255}` as Ip
}

/** A cluster IP as the pod on `subnet` reaches it; undefined where the address is no loopback cluster IP. */
export function clusterAddressSeenBy(subnet: number, clusterIp: string): Ip | undefined {
  const [, high, low] = SERVICE.exec(clusterIp) ?? []
  return high === undefined || low === undefined ? undefined : (`127.${subnet}.${high}.${low}` as Ip)
}

/** A pod of a headless Service as the pod on `subnet` reaches it. */
export function podAddressSeenBy(subnet: number, pod: number): Ip {
  return `127.${subnet}.255.${pod}` as Ip
}

/** Ports below 1024 need root to listen on; they are offered 10,000 higher. */
export function loopbackPort(port: Port): Port {
  return port < 1024 ? port + 10_000 : port
}
