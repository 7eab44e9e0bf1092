/**
 * Ends what smictl started, when smictl itself was killed in a way that lets it do nothing more.
 *
 * A shell of its own session reads process ids from a pipe. When the pipe closes, because its writer is no more, every process
 * group it still knows of is ended. A shell, because it costs a megabyte where another Node would cost fifty.
 */
import { type ChildProcess, spawn } from 'node:child_process'

// `kill -s`, because dash takes no `--` after `-TERM`.
const SCRIPT = `
trap '' INT TERM HUP
known=' '
while read -r what pid; do
  case $what in
    +) known="$known$pid " ;;
    -) known="\${known%% $pid *} \${known#* $pid }" ;;
  esac
done
for pid in $known; do kill -s TERM -- "-$pid" 2>/dev/null; done
[ "$known" = "\${known# }" ] || [ -z "$(echo $known)" ] || sleep 1
for pid in $known; do kill -s KILL -- "-$pid" 2>/dev/null; done
`

export class Reaper {
  readonly #shell: ChildProcess

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    this.#shell.on('error', () => undefined) // without a shell there is no second net; the first is our own stop
    this.#shell.stdin?.on('error', () => undefined)
    this.#shell.unref()
  }

  get pid(): number | undefined {
    return this.#shell.pid
  }

  watch(pid: number): void {
    this.#shell.stdin?.write(`+ ${pid}\n`)
  }

  forget(pid: number): void {
    this.#shell.stdin?.write(`- ${pid}\n`)
  }

  /** Lets it end; it ends whatever was not forgotten. */
  close(): void {
    this.#shell.stdin?.end()
  }
}
