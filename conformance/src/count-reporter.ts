/** The last line of a test run: how many passed and failed. Stands beside a reporter that shows which. */
import type { TestEvent } from 'node:test/reporters'

export async function* counts(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  for await (const event of events) {
    if (event.type === 'test:pass' && event.data.details.type !== 'suite') passed++
    if (event.type === 'test:fail' && event.data.details.type !== 'suite') failed++
  }
  yield `${passed} passed, ${failed} failed\n`
}

// biome-ignore lint/style/noDefaultExport: node looks for a reporter there
export default counts
