/** The last lines of a test run: how many passed and failed, and where. Stands beside a reporter that shows what is going on. */
import type { TestEvent } from 'node:test/reporters'

export async function* counts(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  const failed: string[] = []
  const complaints = new Map<string, string>()
  for await (const event of events) {
    if (event.type === 'test:stderr') {
      const { file, message } = event.data
      complaints.set(file, ((complaints.get(file) ?? '') + message).slice(-MOST))
    }
    if (event.type === 'test:pass' && event.data.details.type !== 'suite') passed++
    if (event.type === 'test:fail' && event.data.details.type !== 'suite') failed.push(failure(event.data, complaints))
  }
  yield `${failed.join('')}${passed} passed, ${failed.length} failed\n`
}

/** Characters of what a file complained of. */
const MOST = 2_000

interface Failed {
  readonly name: string
  readonly file?: string
  readonly line?: number
}

/** With what a file said where it failed as a whole, which no test of it tells. */
function failure({ name, file = '', line = 0 }: Failed, complaints: ReadonlyMap<string, string>): string {
  return file.endsWith(name) ? `✖ ${name}\n${complaints.get(file) ?? ''}` : `✖ ${file}:${line}: ${name}\n`
}

// biome-ignore lint/style/noDefaultExport: node looks for a reporter there
export default counts
