/**
 * Bodies of requests while they are held: of one no more than its path takes, of all together no more than the process has room
 * for. Knows no TLS and no reviews.
 */
import type { Fields } from '../facts/read.ts'

export interface Answer {
  readonly status: number
  readonly body: Fields | string
}

/** One request's. Released once its answer is gone. */
export interface Body {
  /** The text, or why it is not read to its end. */
  read(chunks: AsyncIterable<unknown>, mostBytes: number): Promise<string | Answer>
  release(): void
}

/** So much is every connection's own, so that those who send much cannot keep out the rest. */
const SMALL_BYTES = 128 << 10
/** What is more than that, of all requests together. */
const MOST_LARGE_BYTES = 128 << 20
/** An empty object is three bytes of text and fifty of memory. Two million are the 20,000 objects of a large list. */
const MOST_VALUES = 2_000_000

export class Bodies {
  readonly #mostLarge: number
  #large = 0

  constructor(mostLargeBytes = MOST_LARGE_BYTES) {
    this.#mostLarge = mostLargeBytes
  }

  body(): Body {
    let mine = 0
    const grow = (bytes: number) => {
      const more = Math.max(0, bytes - SMALL_BYTES) - mine
      mine += more
      this.#large += more
    }
    return {
      read: async (chunks, mostBytes) => {
        const read: Buffer[] = []
        let bytes = 0
        let values = 0
        for await (const chunk of chunks) {
          if (!Buffer.isBuffer(chunk)) continue
          bytes += chunk.length
          if (bytes > mostBytes) return { status: 413, body: `A review here has at most ${mostBytes >> 20} MiB.` }
          values += valuesIn(chunk)
          if (values > MOST_VALUES) return { status: 413, body: `A review has at most ${MOST_VALUES} values.` }
          grow(bytes)
          if (bytes > SMALL_BYTES && this.#large > this.#mostLarge)
            return { status: 503, body: 'Too much is being sent at once; come again.' }
          read.push(chunk)
        }
        return Buffer.concat(read).toString('utf8')
      },
      release: () => grow(0),
    }
  }
}

/** At most so many begin here: what stands in a text counts as well. */
function valuesIn(chunk: Buffer): number {
  let values = 0
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at]
    if (byte === COMMA || byte === BRACKET || byte === BRACE) values++
  }
  return values
}

const COMMA = 0x2c
const BRACKET = 0x5b
const BRACE = 0x7b
