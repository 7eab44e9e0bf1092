/**
 * Makes `src/proto/gen` from `descriptors/envoy.binpb`: TypeScript types and codecs of the Envoy messages we use.
 *
 * No protoc: a compiler plug-in only needs the request that protoc would send, and the descriptor set holds all of it.
 * Nothing is written while the inputs are the same (a hash of them is kept beside the output).
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { API_FILES } from './api-files.ts'

const folder = join(import.meta.dirname, '..')
const descriptors = join(folder, 'descriptors/envoy.binpb')
const output = join(folder, 'src/proto/gen')
const stampFile = join(output, '.stamp')
const plugin = createRequire(import.meta.url).resolve('ts-proto/protoc-gen-ts_proto')

/** Plain literals are messages, oneofs are unions the compiler checks, and the output runs with its types stripped. */
const OPTIONS = [
  'esModuleInterop=true',
  'importSuffix=.ts',
  'useOptionals=all',
  'oneof=unions',
  'forceLong=bigint',
  'useDate=false',
  'enumsAsLiterals=true',
  'outputTypeAnnotations=static-only',
  'outputServices=none',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'useReadonlyTypes=true',
].join(',')

/** Order of keys must not reach the wire, so maps are written sorted. */
const UNSORTED_MAP = /(globalThis\.Object\.entries\(message\.\w+ \|\| \{\}\))\.forEach/g
const SORTED_MAP = '$1.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).forEach'

/** Files of options and of validation rules: they describe descriptors, and no message of ours contains them. */
const ANNOTATIONS =
  /^(validate|udpa\/annotations|xds\/annotations|envoy\/annotations)\/|^google\/protobuf\/descriptor\.proto$/

function closure(files: ReadonlyMap<string, FileDescriptorProto>, roots: readonly string[]): string[] {
  const reached = new Set<string>()
  const visit = (name: string): void => {
    if (reached.has(name) || ANNOTATIONS.test(name)) return
    const file = files.get(name)
    if (file === undefined) throw new Error(`${name} is not in envoy.binpb; add its package to descriptors/imports.go.`)
    reached.add(name)
    file.dependency.forEach(visit)
  }
  roots.forEach(visit)
  return [...reached].sort()
}

function generate(set: Uint8Array): ReadonlyMap<string, string> {
  const { file } = fromBinary(FileDescriptorSetSchema, set)
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: closure(new Map(file.map(each => [each.name, each])), API_FILES),
    parameter: OPTIONS,
    protoFile: file,
    compilerVersion: { major: 33, minor: 0, patch: 0 },
  })
  const run = spawnSync(process.execPath, [plugin], {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  if (run.status !== 0) throw new Error(`ts-proto ended with status ${run.status}.`)
  const response = fromBinary(CodeGeneratorResponseSchema, run.stdout)
  if (response.error !== '') throw new Error(response.error)
  return new Map(response.file.map(({ name, content }) => [name, finished(content)]))
}

/** The house compiles with stricter options than generated code is written for, hence the first line. */
function finished(content: string): string {
  return `// @ts-nocheck\n${content.replaceAll(UNSORTED_MAP, SORTED_MAP)}`
}

function main(): void {
  const set = readFileSync(descriptors)
  const hash = createHash('sha256')
  for (const part of [set, JSON.stringify(API_FILES), readFileSync(import.meta.filename), readFileSync(plugin)])
    hash.update(part)
  const stamp = hash.digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  const files = generate(set)
  if (![...files.values()].some(text => text.includes('.sort(([a], [b])'))) {
    throw new Error('ts-proto no longer writes maps as expected: see UNSORTED_MAP.')
  }
  rmSync(output, { recursive: true, force: true })
  for (const [name, content] of files) {
    const path = join(output, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  writeFileSync(stampFile, stamp)
  console.log(`generated ${files.size} files of the Envoy API`)
}

main()
