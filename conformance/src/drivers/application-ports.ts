/** Where the application of every pod listens, so that workloads differ in who they are and in nothing else. */

/** HTTP/1.1, and HTTP/2 without TLS, told apart by the first bytes. */
export const HTTP_PORTS = [8080, 8081, 9090] as const
/** Bytes: a line at once, then whatever comes goes back. */
export const BYTE_PORTS = [9000, 8300, 8301, 8302] as const

/** Declared ports of its container. */
export const CONTAINER_PORTS: Readonly<Record<string, number>> = Object.fromEntries(
  [...HTTP_PORTS, ...BYTE_PORTS].map(port => [`p${port}`, port]),
)
