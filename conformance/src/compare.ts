/** Tells two answers apart, and says in words how. */
import { type Answer, type BackendAnswer, nameText } from './world.ts'

/** One line per backend and pod, so that equal answers are equal texts whatever their order. */
export function answerText(answer: Answer | undefined): string {
  if (answer === undefined) return 'no such destination'
  if (answer.kind !== 'routed') return answer.kind
  return answer.backends.map(backendText).sort().join('\n')
}

function backendText({ service, share, pods }: BackendAnswer): string {
  const said = pods.map(({ pod, verdict }) => `${nameText(pod)} ${verdict} it`).sort()
  return `${(share * 100).toFixed(3)} % to ${nameText(service)}: ${said.join(', ') || 'nobody there'}`
}
