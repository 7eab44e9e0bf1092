/** What every source owes to those who follow it, as one suite of tests that each kind of source passes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Moved, Source, SourceChange, SourceObserver, SourceProblem } from './source.ts'

/** A source together with the world it looks at. Objects are ConfigMaps of namespace `default`: a name and a text. */
export interface Scene {
  readonly source: Source
  write(name: string, text: string): Promise<void>
  remove(name: string): Promise<void>
  /** Makes what was written as `name` unreadable, without deleting it. */
  spoil(name: string): Promise<void>
  dispose(): Promise<void>
}

const DEADLINE_MS = 20_000

/** Follows a source: the state it told of, and a way to wait for more. */
export class Recorder implements SourceObserver {
  readonly state = new Map<string, SourceChange>()
  readonly batches: (readonly SourceChange[])[] = []
  current: readonly SourceProblem[] = []
  /** Every problem there ever was. */
  readonly problemsSeen: SourceProblem[] = []
  syncs = 0
  readonly #waiting = new Set<() => void>()

  changes(batch: readonly SourceChange[]): void {
    this.batches.push(batch)
    for (const change of batch) {
      if (change.object === undefined) this.state.delete(refText(change.ref))
      else this.state.set(refText(change.ref), change)
    }
    this.#tell()
  }

  moved(objects: readonly Moved[]): void {
    for (const { ref, origin } of objects) {
      const known = this.state.get(refText(ref))
      if (known !== undefined) this.state.set(refText(ref), { ...known, origin })
    }
    this.#tell()
  }

  problems(current: readonly SourceProblem[]): void {
    this.current = current
    this.problemsSeen.push(...current)
    this.#tell()
  }

  synced(): void {
    this.syncs++
    this.#tell()
  }

  /** Resolves when the claim holds; looks after each thing that is told. */
  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!holds()) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(() => reject(new Error(`Not within ${DEADLINE_MS} ms: ${what}`)), DEADLINE_MS)
      this.#waiting.add(look)
    })
  }

  #tell(): void {
    for (const look of this.#waiting) look()
  }
}

export function sourceContract(kind: string, open: () => Promise<Scene>): void {
  const scene = (sentence: string, body: (scene: Scene, on: Recorder) => Promise<void>) =>
    test(`${kind}: ${sentence}`, async () => {
      const opened = await open()
      try {
        await body(opened, new Recorder())
      } finally {
        await opened.source.stop()
        await opened.dispose()
      }
    })
  const has = (on: Recorder, name: string) => on.state.has(`ConfigMap default/${name}`)

  scene('what exists is told before it is synced, once', async ({ source, write }, on) => {
    await write('a', '1')
    await write('b', '1')
    await source.start(on)
    await on.until('synced', () => on.syncs > 0)
    assert.deepEqual([...on.state.keys()].sort(), ['ConfigMap default/a', 'ConfigMap default/b'])
    await write('c', '1')
    await on.until('c is told', () => has(on, 'c'))
    assert.equal(on.syncs, 1)
  })

  scene(
    'an object that is made, changed and removed later is told each time',
    async ({ source, write, remove }, on) => {
      await source.start(on)
      await write('a', '1')
      await on.until('a is told', () => has(on, 'a'))
      await write('a', '2')
      await on.until('the change is told', () => JSON.stringify(on.state.get('ConfigMap default/a')).includes('"2"'))
      await remove('a')
      await on.until('the removal is told', () => !has(on, 'a'))
    },
  )

  scene('what is written again without a change is not told', async ({ source, write }, on) => {
    await write('a', '1')
    await source.start(on)
    await on.until('a is told', () => has(on, 'a'))
    await write('a', '1')
    await write('z', '1')
    await on.until('z is told', () => has(on, 'z'))
    const told = on.batches.flat().filter(change => change.ref.name === 'a')
    assert.equal(told.length, 1)
  })

  scene('what becomes unreadable keeps its last good state and is reported until it is well', async (world, on) => {
    await world.write('a', '1')
    await world.write('b', '1')
    await world.source.start(on)
    await on.until('both are told', () => has(on, 'a') && has(on, 'b'))
    await world.spoil('a')
    await on.until('a problem is reported', () => on.current.length > 0)
    await world.write('b', '2')
    await on.until('b goes on', () => JSON.stringify(on.state.get('ConfigMap default/b')).includes('"2"'))
    assert.ok(has(on, 'a'))
    await world.write('a', '3')
    await on.until('the problem is gone', () => on.current.length === 0)
    await on.until('the change is told', () => JSON.stringify(on.state.get('ConfigMap default/a')).includes('"3"'))
  })

  scene('after it stopped, nothing is told', async ({ source, write }, on) => {
    await source.start(on)
    await on.until('synced', () => on.syncs > 0)
    await source.stop()
    await write('a', '1')
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(on.batches.length, 0)
  })
}
