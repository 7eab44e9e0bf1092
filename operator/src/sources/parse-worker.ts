/** The other side of `ParsingThread`: takes the bytes of one file after the other, and answers with what is in them. */
import { parentPort } from 'node:worker_threads'
import { parseBytes } from './read-file.ts'

/** What the thread is asked. */
export interface ParsingRequest {
  readonly file: string
  readonly bytes: Uint8Array
}

parentPort?.on('message', ({ file, bytes }: ParsingRequest) => parentPort?.postMessage(parseBytes(file, bytes)))
