/**
 * `node pack.ts [NAME...]`: makes the images of recipes.json as OCI archives, without a container engine. The same files
 * give the same bytes; what hasn't changed isn't made again. Runtimes, packages and sources are layers of their own, so
 * that an edit costs as little as the sources do.
 */
import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { argv, exit } from 'node:process'
import { archive, type Layer, layerOf } from './layer.ts'
import recipes from './recipes.json' with { type: 'json' }
import { type Content, firstExisting, planned } from './root-file-system.ts'

interface Image {
  readonly image: string
  readonly user?: string
  readonly entrypoint: readonly string[]
  readonly layers: readonly string[]
}

const CHECKOUT = resolve(import.meta.dirname, '../../..')
const OUT = join(CHECKOUT, '.cluster', 'images')
const LAYERS = join(OUT, 'layers')

const images: Readonly<Record<string, Image>> = recipes.images
const contents: Readonly<Record<string, readonly Content[]>> = filledIn(recipes.layers)

process.umask(0o022) // what is packed is read by another user
mkdirSync(LAYERS, { recursive: true })
const made = new Map<string, Promise<Layer>>()
for (const name of argv.length > 2 ? argv.slice(2) : Object.keys(images)) {
  const image = images[name]
  if (image === undefined) {
    console.error(`There is no image ${name}; there are ${Object.keys(images).join(', ')}.`)
    exit(2)
  }
  await pack(name, image)
}

/** Names of places in braces, replaced by where this checkout and this machine have them. */
function filledIn<T>(value: T): T {
  const version = /ENVOY_VERSION := (\S+)/.exec(readFileSync(join(CHECKOUT, 'Makefile'), 'utf8'))?.[1] ?? ''
  const envoys = [process.env['ENVOY'] ?? '', join(CHECKOUT, '.tools', `envoy-${version}`)].filter(Boolean)
  const places: Readonly<Record<string, () => string>> = {
    checkout: () => CHECKOUT,
    tools: () => join(CHECKOUT, '.tools', 'bin'),
    node: () => process.execPath,
    envoy: () => firstExisting(...envoys),
    libraries: () => firstExisting('/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'),
  }
  return JSON.parse(JSON.stringify(value), (_, part: unknown) =>
    typeof part === 'string' ? part.replace(/^\{(\w+)\}/, (name, place: string) => places[place]?.() ?? name) : part,
  )
}

async function pack(name: string, image: Image): Promise<void> {
  const started = performance.now()
  const layers = await Promise.all(image.layers.map(layerNamed))
  const path = join(OUT, `${name}.tar`)
  const work = mkdtempSync(join(OUT, '.image-'))
  try {
    const digest = writeLayout(work, layers, image)
    if (existsSync(path) && existsSync(`${path}.digest`) && readFileSync(`${path}.digest`, 'utf8') === digest) return
    archive(`${work}.tar`, work)
    renameSync(`${work}.tar`, path)
    writeFileSync(`${path}.digest`, digest) // last: with an older digest it would only be imported once more
  } finally {
    rmSync(work, { recursive: true })
  }
  const mebibytes = Math.round(layers.reduce((sum, { size }) => sum + size, 0) / 2 ** 20)
  console.log(`${image.image}: ${mebibytes} MiB, ${Math.round(performance.now() - started)} ms`)
}

function layerNamed(name: string): Promise<Layer> {
  const known = made.get(name)
  if (known !== undefined) return known
  const content = contents[name]
  if (content === undefined) throw new Error(`recipes.json: there is no layer ${name}.`)
  const layer = layerOf(name, planned(content, CHECKOUT), LAYERS)
  made.set(name, layer)
  return layer
}

/** An OCI image layout (image-spec, image-layout.md); answers with the digest of its manifest. */
function writeLayout(folder: string, layers: readonly Layer[], { image, user, entrypoint }: Image): string {
  const blobs = join(folder, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  for (const { path, hash } of layers) if (!existsSync(join(blobs, hash))) linkSync(path, join(blobs, hash))
  const blob = (mediaType: string, value: unknown) => {
    const text = JSON.stringify(value)
    const hash = createHash('sha256').update(text).digest('hex')
    writeFileSync(join(blobs, hash), text)
    return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) }
  }
  const config = blob('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: entrypoint,
      WorkingDir: '/',
      ...(user === undefined ? {} : { User: user }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ hash }) => `sha256:${hash}`) },
  })
  const manifest = blob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ hash, size }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: `sha256:${hash}`,
      size,
    })),
  })
  const named = { ...manifest, annotations: { 'io.containerd.image.name': image } }
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }))
  return manifest.digest
}
