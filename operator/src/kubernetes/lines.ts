/** Bytes as they come → whole lines. Knows that a character, like a line, may be cut anywhere. */
import { StringDecoder } from 'node:string_decoder'

export class Lines {
  readonly #decoder = new StringDecoder('utf8')
  readonly #longest: number
  /** The pieces of a line that has not ended; joined once, or a line of many chunks would cost their square. */
  #pieces: string[] = []
  #length = 0

  /** Lines of more than `longest` characters are refused. */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** The lines that end within this chunk, without their breaks; empty lines are left out. */
  add(chunk: Buffer): readonly string[] {
    const text = this.#decoder.write(chunk)
    const last = text.lastIndexOf('\n')
    if (last === -1) {
      this.#keep(text)
      return []
    }
    this.#pieces.push(text.slice(0, last))
    const whole = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    this.#keep(text.slice(last + 1))
    return whole.split('\n').filter(line => line !== '')
  }

  #keep(text: string): void {
    this.#length += text.length
    if (this.#length > this.#longest) throw new RangeError(`a line of more than ${this.#longest} characters`)
    if (text !== '') this.#pieces.push(text)
  }
}
