/** `node operator/test/fuzz.ts 100000 [seed]`: as many spoilt objects as there is time for; prints one line of JSON. */
import { fuzz } from './fuzz-mesh.ts'

const [, , count = '2000', seed = String(Date.now() % 1_000_000)] = process.argv
process.stderr.write(`seed ${seed}\n`)
const { ms, ...figures } = fuzz(Number(count), Number(seed))
process.stdout.write(`${JSON.stringify({ ...figures, seed: Number(seed), seconds: Number((ms / 1000).toFixed(1)) })}\n`)
