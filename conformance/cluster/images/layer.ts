/** A layer of an image: an archive of files, made again only when one of them has changed. Layers are shared by images. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fill, type Plan } from './root-file-system.ts'

export interface Layer {
  readonly path: string
  /** sha256 in hexadecimal digits. */
  readonly hash: string
  readonly size: number
}

export async function layerOf(name: string, plan: Plan, folder: string): Promise<Layer> {
  const path = join(folder, `${name}.tar`)
  const record = `${path}.json`
  const inputs = fingerprint(plan)
  if (existsSync(record) && existsSync(path)) {
    const known: { inputs: string; hash: string } = JSON.parse(readFileSync(record, 'utf8'))
    if (known.inputs === inputs) return { path, hash: known.hash, size: statSync(path).size }
  }
  rmSync(record, { force: true })
  const work = mkdtempSync(join(folder, '.layer-'))
  try {
    const root = join(work, 'root')
    mkdirSync(root)
    fill(root, plan)
    chmodSync(join(root, 'tmp'), 0o1777)
    archive(join(work, 'layer.tar'), root)
    renameSync(join(work, 'layer.tar'), path)
  } finally {
    rmSync(work, { recursive: true })
  }
  const hash = await hashOf(path)
  writeFileSync(record, JSON.stringify({ inputs, hash }))
  return { path, hash, size: statSync(path).size }
}

/** Owner, time and order of files tell nothing and differ between machines. */
export function archive(path: string, folder: string): void {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=a+rX', '--format=gnu']
  execFileSync('tar', ['--create', '--file', path, ...same, '--directory', folder, '.'])
}

/** Sizes and times instead of contents: knowing that nothing has changed must not cost as much as packing. */
function fingerprint({ copies, links, texts }: Plan): string {
  const files = copies.map(({ from, to }) => {
    const { size, mtimeMs } = statSync(from)
    return [from, to, size, mtimeMs]
  })
  return createHash('sha256').update(JSON.stringify({ files, links, texts })).digest('hex')
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
