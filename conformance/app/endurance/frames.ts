/** Messages on a connection of bytes: length-prefixed as in gRPC, and frames of WebSocket as a server reads and writes them. */

/** gRPC over HTTP/2, "Length-Prefixed-Message": a byte for compression, four for the length. */
export function grpcMessage(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

/** Given pieces as they arrive, calls back with each whole message. */
export function grpcReader(take: (text: string) => void): (piece: Buffer) => void {
  return reader(rest => {
    if (rest.length < 5) return undefined
    const end = 5 + rest.readUInt32BE(1)
    if (rest.length < end) return undefined
    take(rest.toString('utf8', 5, end))
    return end
  })
}

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const

/** A frame from a server, which is not masked (RFC 6455, 5.1). Up to 65,535 bytes. */
export function socketFrame(opcode: number, body: Buffer): Buffer {
  const head = body.length < 126 ? Buffer.of(0x80 | opcode, body.length) : Buffer.alloc(4)
  if (body.length >= 126) {
    head.set([0x80 | opcode, 126])
    head.writeUInt16BE(body.length, 2)
  }
  return Buffer.concat([head, body])
}

/** Frames of a client, which are masked. Fragments and frames of more than 65,535 bytes are not sent by ours. */
export function socketReader(take: (opcode: number, body: Buffer) => void): (piece: Buffer) => void {
  return reader(rest => {
    if (rest.length < 2) return undefined
    const short = (rest[1] ?? 0) & 0x7f
    const at = short === 126 ? 4 : 2
    if (rest.length < at + 4) return undefined
    const length = short === 126 ? rest.readUInt16BE(2) : short
    const end = at + 4 + length
    if (rest.length < end) return undefined
    const mask = rest.subarray(at, at + 4)
    const body = Buffer.from(rest.subarray(at + 4, end)).map((byte, index) => byte ^ (mask[index % 4] ?? 0))
    take((rest[0] ?? 0) & 0x0f, Buffer.from(body))
    return end
  })
}

/** `one` takes a message off the beginning and answers with its length, or undefined while it is not whole. */
function reader(one: (rest: Buffer) => number | undefined): (piece: Buffer) => void {
  let rest = Buffer.alloc(0)
  return piece => {
    rest = Buffer.concat([rest, piece])
    for (let end = one(rest); end !== undefined; end = one(rest)) rest = rest.subarray(end)
  }
}
