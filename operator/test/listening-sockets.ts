/** Every socket that the processes of a tree listen on, as Linux tells it: TCP, UDP and unix. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { attempt } from '../src/sources/scan.ts'

export interface ListeningSocket {
  readonly pid: number
  /** The command line, words apart by spaces. */
  readonly command: string
  readonly kind: 'tcp' | 'udp' | 'unix'
  /** `127.0.0.1:80`, `[::]:80`, or the path of a unix socket (`@…` has none on disk). */
  readonly address: string
}

const LISTEN = '0A'
/** A UDP socket that is not connected to anybody takes from everybody. */
const UNCONNECTED = '07'
const ACCEPTS_CONNECTIONS = 0x10000

/** A process and all its descendants. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
    const stat = attempt(() => readFileSync(`/proc/${name}/stat`, 'utf8'))
    if (stat.ok) parents.set(Number(name), Number(stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const tree = new Set([root])
  let before = 0
  while (before !== tree.size) {
    before = tree.size
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid)
  }
  return [...tree]
}

export function listeningSockets(root: number): readonly ListeningSocket[] {
  const listening = new Map([...inet('tcp', LISTEN), ...inet('udp', UNCONNECTED), ...unix()])
  return processTree(root).flatMap(pid => {
    const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    return socketsOf(pid).flatMap(inode => {
      const found = listening.get(inode)
      return found === undefined ? [] : [{ pid, command, ...found }]
    })
  })
}

type Socket = Pick<ListeningSocket, 'kind' | 'address'>

function socketsOf(pid: number): readonly string[] {
  const names = attempt(() => readdirSync(`/proc/${pid}/fd`))
  const links = (names.ok ? names.value : []).map(name => attempt(() => readlinkSync(`/proc/${pid}/fd/${name}`)))
  return links.flatMap(link => (link.ok ? (/^socket:\[(\d+)\]$/.exec(link.value)?.slice(1) ?? []) : []))
}

function inet(kind: 'tcp' | 'udp', state: string): readonly (readonly [string, Socket])[] {
  return ['', '6'].flatMap(family =>
    linesOf(`/proc/net/${kind}${family}`).flatMap(line => {
      const [, local = '', , is, , , , , , inode = ''] = line.trim().split(/\s+/)
      return is === state ? [[inode, { kind, address: addressOf(local) }] as const] : []
    }),
  )
}

function unix(): readonly (readonly [string, Socket])[] {
  return linesOf('/proc/net/unix').flatMap(line => {
    const [, , , flags = '0', , , inode = '', path = '(without a name)'] = line.trim().split(/\s+/)
    const isListening = (Number.parseInt(flags, 16) & ACCEPTS_CONNECTIONS) !== 0
    return isListening ? [[inode, { kind: 'unix', address: path }] as const] : []
  })
}

/** `0100007F:1F90` → `127.0.0.1:8080`: words of four bytes, each as the machine stores it. */
function addressOf(text: string): string {
  const [hex = '', port = ''] = text.split(':')
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap(word => (word.match(/../g) ?? []).reverse().map(byte => Number.parseInt(byte, 16)))
  const number = Number.parseInt(port, 16)
  if (bytes.length === 4) return `${bytes.join('.')}:${number}`
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  )
  return `[${groups.join(':')}]:${number}`
}

function linesOf(file: string): readonly string[] {
  return textOf(file)
    .split('\n')
    .slice(1)
    .filter(line => line !== '')
}

function textOf(file: string): string {
  const text = attempt(() => readFileSync(file, 'utf8'))
  return text.ok ? text.value : ''
}
