/** What all programs of a run write, line by line as it comes, each with the name of its file before it. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { attempt } from '../sources/scan.ts'

const LOOK_MS = 200
const MOST_BYTES = 256 * 1024

/** How far a file was read: bytes, the line begun, the character begun. */
interface Place {
  offset: number
  rest: string
  readonly decoder: StringDecoder
}

export class LogTail {
  readonly #folder: string
  readonly #write: (line: string) => void
  readonly #seen = new Map<string, Place>()
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string, write: (line: string) => void) {
    this.#folder = folder
    this.#write = write
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.look()
  }

  /** Writes what was added since the last look. */
  look(): void {
    const names = attempt(() => readdirSync(this.#folder))
    for (const name of names.ok ? names.value.sort() : []) if (name.endsWith('.log')) this.#follow(name)
  }

  #follow(name: string): void {
    const opened = attempt(() => openSync(join(this.#folder, name), 'r'))
    if (!opened.ok) return
    const place = this.#seen.get(name) ?? { offset: 0, rest: '', decoder: new StringDecoder('utf8') }
    this.#seen.set(name, place)
    const buffer = Buffer.alloc(MOST_BYTES)
    const length = readSync(opened.value, buffer, 0, MOST_BYTES, place.offset)
    closeSync(opened.value)
    place.offset += length
    const lines = `${place.rest}${place.decoder.write(buffer.subarray(0, length))}`.split('\n')
    place.rest = lines.pop() ?? ''
    for (const line of lines) this.#write(`[${name.slice(0, -'.log'.length)}] ${line}`)
  }
}
