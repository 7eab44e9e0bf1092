import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { ran } from '../../test/documentation.ts'

const script = async (shell: string) => (await ran(['completion', shell])).printed
const has = (program: string) => spawnSync(program, ['--version']).status === 0

/** What bash would offer for the last of these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const quoted = words.map(word => `'${word}'`).join(' ')
  const lines = [
    await script('bash'),
    `COMP_WORDS=(${quoted})`,
    `COMP_CWORD=${words.length - 1}`,
    '_smictl',
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]
  const { status, stdout, stderr } = spawnSync('bash', ['-c', lines.join('\n')], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout.trim().split('\n')
}

test('bash offers commands, options and the values of options', async () => {
  assert.ok((await offered('smictl', 'tr')).includes('translate'))
  assert.deepEqual(await offered('smictl', 'translate', '--pri'), ['--print'])
  assert.deepEqual(await offered('smictl', 'translate', '--print', 'st'), ['status'])
  assert.deepEqual(await offered('smictl', 'can', '-o', ''), ['table', 'json', 'yaml'])
  assert.deepEqual(await offered('smictl', 'completion', 'z'), ['zsh'])
})

test('bash offers files where a file is meant', async () => {
  assert.ok((await offered('smictl', 'validate', '/et')).includes('/etc'))
  assert.ok((await offered('smictl', 'can', '--files', '/et')).includes('/etc'))
})

test('every command and option is in every script', async () => {
  for (const shell of ['zsh', 'fish']) {
    const text = await script(shell)
    for (const word of ['up', 'translate', 'path-regex', 'enforce audit permissive'])
      assert.ok(text.includes(word), `${shell}: ${word}`)
  }
})

test('the other shells can read their scripts', {
  skip: !has('zsh') && !has('fish') && 'neither zsh nor fish is here',
}, async () => {
  for (const shell of ['zsh', 'fish'].filter(has)) {
    const { stderr } = spawnSync(shell, ['-n'], { input: await script(shell), encoding: 'utf8' })
    assert.equal(stderr, '')
  }
})

test('a shell that is not known is not understood', async () => {
  const { code, printed } = await ran(['completion', 'cmd'])
  assert.equal(code, 2)
  assert.match(printed, /Allowed choices are bash, zsh, fish/)
})
