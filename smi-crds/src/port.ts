/** TCP and UDP ports as users write them. */

/** The port that a number, or a text of digits, stands for; undefined if it is none. */
export function readPort(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^[0-9]{1,5}$/.test(value) ? Number(value) : value
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535 ? port : undefined
}
