/**
 * `node pack.ts [NAME...]`: makes the images of recipes.json, each as an OCI archive with one layer, without a container
 * engine. The same files give the same bytes; an image whose files haven't changed isn't made again.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
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
import { join, resolve } from 'node:path'
import { argv, exit } from 'node:process'
import { pipeline } from 'node:stream/promises'
import recipes from './recipes.json' with { type: 'json' }
import { type Content, fill, firstExisting, type Plan, planned } from './root-file-system.ts'

interface Recipe {
  readonly image: string
  readonly user?: string
  readonly entrypoint: readonly string[]
  readonly contents: readonly Content[]
}

const CHECKOUT = resolve(import.meta.dirname, '../../..')
const OUT = join(CHECKOUT, '.cluster', 'images')

const known: Readonly<Record<string, Recipe>> = recipes
const wanted = argv.length > 2 ? argv.slice(2) : Object.keys(known)
mkdirSync(OUT, { recursive: true })
for (const name of wanted) {
  const recipe = known[name]
  if (recipe === undefined) {
    console.error(`There is no image ${name}; there are ${Object.keys(known).join(', ')}.`)
    exit(2)
  }
  await pack(name, placesFilledIn(recipe))
}

/** Where this checkout and this machine have what recipes name in braces. */
function placesFilledIn(recipe: Recipe): Recipe {
  const envoy = /ENVOY_VERSION := (\S+)/.exec(readFileSync(join(CHECKOUT, 'Makefile'), 'utf8'))?.[1] ?? ''
  const places: Readonly<Record<string, () => string>> = {
    checkout: () => CHECKOUT,
    tools: () => join(CHECKOUT, '.tools', 'bin'),
    node: () => process.execPath,
    envoy: () =>
      firstExisting(...[process.env['ENVOY'] ?? '', join(CHECKOUT, '.tools', `envoy-${envoy}`)].filter(Boolean)),
    libraries: () => firstExisting('/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'),
  }
  return JSON.parse(JSON.stringify(recipe), (_, value: unknown) =>
    typeof value === 'string'
      ? value.replace(/^\{(\w+)\}/, (written, place: string) => places[place]?.() ?? written)
      : value,
  )
}

async function pack(name: string, recipe: Recipe): Promise<void> {
  const started = performance.now()
  const archive = join(OUT, `${name}.tar`)
  const plan = planned(recipe.contents, CHECKOUT)
  const inputs = fingerprint(recipe, plan)
  if (existsSync(archive) && existsSync(`${archive}.inputs`) && readFileSync(`${archive}.inputs`, 'utf8') === inputs)
    return
  const work = mkdtempSync(join(OUT, '.packing-'))
  try {
    const root = join(work, 'root')
    mkdirSync(root)
    fill(root, plan)
    execFileSync('chmod', ['1777', join(root, 'tmp')])
    const layer = join(work, 'layer.tar')
    tar(layer, root)
    const digest = await writeLayout(join(work, 'layout'), layer, recipe)
    tar(join(work, 'archive.tar'), join(work, 'layout'))
    renameSync(join(work, 'archive.tar'), archive)
    writeFileSync(`${archive}.sha256`, digest)
    writeFileSync(`${archive}.inputs`, inputs)
  } finally {
    rmSync(work, { recursive: true })
  }
  const size = Math.round(statSync(archive).size / 2 ** 20)
  console.log(
    `${recipe.image}: ${plan.copies.length} files, ${size} MiB, ${Math.round(performance.now() - started)} ms`,
  )
}

/** Sizes and times instead of contents: knowing that nothing has changed must not cost as much as packing. */
function fingerprint(recipe: Recipe, { copies }: Plan): string {
  const files = copies.map(({ from, to }) => {
    const { size, mtimeMs } = statSync(from)
    return `${from} ${to} ${size} ${mtimeMs}`
  })
  return createHash('sha256').update(JSON.stringify(recipe)).update(files.join('\n')).digest('hex')
}

/** Owner, time and order of files tell nothing and differ between machines. */
function tar(archive: string, folder: string): void {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  execFileSync('tar', ['--create', '--file', archive, ...same, '--directory', folder, '.'])
}

/** An OCI image layout (image-spec, image-layout.md); answers with the digest of its manifest. */
async function writeLayout(folder: string, layer: string, { image, user, entrypoint }: Recipe): Promise<string> {
  const blobs = join(folder, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  const blob = (mediaType: string, value: unknown) => {
    const text = JSON.stringify(value)
    const hash = createHash('sha256').update(text).digest('hex')
    writeFileSync(join(blobs, hash), text)
    return { mediaType, digest: `sha256:${hash}`, size: text.length }
  }
  const hash = createHash('sha256')
  await pipeline(createReadStream(layer, { highWaterMark: 1 << 20 }), hash)
  const layerHash = hash.digest('hex')
  const size = statSync(layer).size
  renameSync(layer, join(blobs, layerHash))

  const config = blob('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: entrypoint,
      WorkingDir: '/',
      ...(user === undefined ? {} : { User: user }),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerHash}`] },
  })
  const manifest = blob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${layerHash}`, size }],
  })
  const named = { ...manifest, annotations: { 'io.containerd.image.name': image } }
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }))
  return manifest.digest
}
