import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands, ROOT, ran } from '../../test/documentation.ts'
import { renderReference } from './reference.ts'

const PAGE = join(ROOT, 'docs/reference/cli.md')

test('every command is documented, and every documented one exists', () => {
  const page = renderReference(commands())
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, page)
  assert.equal(readFileSync(PAGE, 'utf8'), page, 'run: UPDATE_GOLDEN=1 node --test operator/src/cli/reference.test.ts')
})

test('what the page shows of each option is its name, meaning and default', () => {
  const page = renderReference(commands())
  assert.match(page, /^\| `--xds-address <host:port>` \| .+ \| `127\.0\.0\.1:15010` \|$/m)
  assert.match(page, /^\| `--cert-ttl <duration>` \| .+ \| `24h` \|$/m)
  assert.match(page, /^\| `-H, --header <name:value>` \| .+ \| {2}\|$/m)
  assert.ok(!page.replaceAll(/`[^`]*`|<!--.*-->/g, '').includes('<'), 'A word in angle brackets would not be seen.')
})

test('help shows no default that is none', async () => {
  assert.doesNotMatch((await ran(['can', '--help'])).printed, /default: \{\}/)
})
