/** Somebody inside a pod who makes calls as long as it is asked to: one `kubectl exec` for all of them, a line for each. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fields } from '../../oracle/read.ts'
import type { RawObject } from '../../world.ts'

export interface Caller {
  ask(question: RawObject): Promise<RawObject>
  /** It hangs up whatever it keeps. */
  stop(): Promise<void>
}

export interface CallerPlace {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** `env`: with the search path on which kubectl is, and KUBECONFIG. */
export function caller(env: NodeJS.ProcessEnv, { namespace, pod, container }: CallerPlace): Caller {
  const inside = ['node', '/app/app.ts', 'ask']
  const args = ['exec', '--stdin', '--quiet', '--namespace', namespace, pod, '--container', container, '--', ...inside]
  const child = spawn('kubectl', args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const waiting: ((line: string | undefined) => void)[] = []
  let complained = ''
  let ended = false
  child.stderr.setEncoding('utf8').on('data', said => {
    complained += said
  })
  child.stdin.on('error', () => undefined) // told by its end
  createInterface({ input: child.stdout }).on('line', line => waiting.shift()?.(line))
  const over = (why = '') => {
    ended = true
    complained += why
    for (const answer of waiting.splice(0)) answer(undefined)
  }
  const end = once(child, 'close').then(
    () => over(),
    (error: Error) => over(error.message),
  )
  return {
    ask: async question => {
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      if (ended) resolve(undefined)
      else waiting.push(resolve)
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const line = await promise
      if (line === undefined) throw new Error(`Nobody in the pod ${namespace}/${pod} answers: ${complained.trim()}`)
      return fields(JSON.parse(line))
    },
    stop: async () => {
      child.stdin.end()
      await end
    },
  }
}
