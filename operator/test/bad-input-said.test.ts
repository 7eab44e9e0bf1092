/** What a person at the terminal, and whoever asks the admin address, is told of bad input: file and line, object, field. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../src/compile/index.ts'
import { SCENE } from './living-mesh.ts'
import { MISTAKES, SHOP } from './mistakes.ts'
import { SmictlProcess, until } from './smictl-process.ts'

type Said = Finding & { readonly at: string }

describe('smictl serve says where to look:', () => {
  let folder = ''
  let state = ''
  let smictl: SmictlProcess
  let admin = ''

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'smi-mesh-said-'))
    state = mkdtempSync(join(tmpdir(), 'smi-mesh-state-'))
    writeFileSync(join(folder, 'scene.yaml'), SCENE)
    writeFileSync(join(folder, 'policy.yaml'), SHOP)
    const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0', '--state-dir', state]
    smictl = new SmictlProcess('serve', '--files', folder, ...anywhere)
    ;[, admin = ''] = await smictl.says(/admin=(\S+)/)
  })
  after(async () => {
    await smictl.end('SIGTERM')
    for (const path of [folder, state]) rmSync(path, { recursive: true })
  })

  const asked = async <T>(what: 'findings' | 'problems'): Promise<readonly T[]> => {
    const answer: readonly T[] = JSON.parse(await (await fetch(`http://${admin}/debug/${what}`)).text())
    return answer
  }

  for (const { what, file, text, object, field, reason } of MISTAKES) {
    test(what, async () => {
      const path = join(folder, file)
      const found = async () =>
        (await asked<Said>('findings')).find(
          one => refText(one.about) === object && one.field === field && one.reason === reason,
        )
      writeFileSync(path, text)
      await until('it is found', async () => (await found()) !== undefined)
      const said = await found()
      assert.ok(said !== undefined)
      assert.match(said.at.slice(path.length), /^:\d+$/)
      assert.ok(said.at.startsWith(path))
      const line = `! ${said.at}: ${object}, ${field} (${reason}): ${said.message}\n`
      await until('it is told', () => smictl.said.includes(line))
      if (file === 'policy.yaml') writeFileSync(path, SHOP)
      else rmSync(path)
      await until('all is well again', async () => (await asked('findings')).length === 0)
    })
  }

  test('what is no YAML, by line and column', async () => {
    const path = join(folder, 'policy.yaml')
    writeFileSync(path, `${SHOP}---\nkind: [Traffic\n`)
    await until('it is told', async () => (await asked('problems')).length > 0)
    assert.match(smictl.said, new RegExp(`file=${path} where="line \\d+, column \\d+" message="This is no YAML`))
    writeFileSync(path, SHOP)
    await until('all is well again', async () => (await asked('problems')).length === 0)
  })
})
