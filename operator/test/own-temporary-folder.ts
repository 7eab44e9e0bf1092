/**
 * Loaded into every process of `npm test`: what its tests make in the system's temporary folder is in one folder of their own,
 * which goes with them; and if they are killed, at the next run.
 */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { ownFolder } from '../src/standalone/own-folder.ts'

if (isMainThread && process.env['NODE_TEST_CONTEXT'] !== undefined) {
  const folder = ownFolder(join(tmpdir(), `smi-mesh-${process.getuid?.() ?? 0}`), 'test', process.pid)
  process.env['TMPDIR'] = folder
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
}
