/** What a control plane has to say of its objects, handed to whoever writes it: each revision what is new, and no more. */
import type { Settled } from '@smi-mesh/dataplane/derive'
import { refText } from '@smi-mesh/dataplane/mesh'
import { type Finding, orderly } from '../compile/index.ts'
import type { Subject } from '../facts/index.ts'
import { conditionsOf } from './conditions.ts'
import type { Wanted } from './writer.ts'

/** The part of a control plane that knows. */
export interface Speaker {
  subjects(): readonly Subject[]
  concerned(settled: Settled): ReadonlySet<string>
  spoken(key: string): { readonly subject: Subject; readonly findings: readonly Finding[] } | undefined
  refused(): ReadonlyMap<string, readonly Finding[]>
}

export class StatusFollower {
  readonly #speaker: Speaker
  readonly #want: (wanted: Wanted) => void
  /** What proxies of other replicas refuse. */
  readonly #others: () => ReadonlyMap<string, readonly Finding[]>
  readonly #tell: (about: Subject, findings: readonly Finding[]) => void
  /** Of objects that bear no status of ours: what was told last, where there was anything. */
  readonly #told = new Map<string, readonly Finding[]>()
  #othersBefore: ReadonlyMap<string, readonly Finding[]> = new Map()
  /** What proxies refused when last asked. No revision says when that is over. */
  #refused: ReadonlyMap<string, readonly Finding[]> = new Map()

  constructor(
    speaker: Speaker,
    want: (wanted: Wanted) => void,
    others: () => ReadonlyMap<string, readonly Finding[]> = () => new Map(),
    tell: (about: Subject, findings: readonly Finding[]) => void = () => undefined,
  ) {
    this.#speaker = speaker
    this.#want = want
    this.#others = others
    this.#tell = tell
  }

  /** What proxies of this replica refuse. Where there was anything, asks them again first, and has said what they say now. */
  askAgain(): ReadonlyMap<string, readonly Finding[]> {
    if (this.#refused.size > 0) this.refusals()
    return this.#refused
  }

  /** All of it, once. */
  all(): void {
    this.#say(this.#speaker.subjects().map(({ ref }) => refText(ref)))
  }

  /** After a revision. */
  settled(settled: Settled): void {
    this.#say(this.#speaker.concerned(settled))
    this.askAgain()
  }

  /** After a proxy has refused something, or may have taken it at last. */
  refusals(): void {
    const before = this.#refused
    this.#refused = this.#speaker.refused()
    this.#say(new Set([...before.keys(), ...this.#refused.keys()]))
  }

  /** After proxies of other replicas have refused something, or taken it at last. */
  othersRefusals(): void {
    const before = this.#othersBefore
    this.#othersBefore = this.#others()
    this.#say(new Set([...before.keys(), ...this.#othersBefore.keys()]))
  }

  /** Objects of SMI alone have a status of ours. */
  #say(keys: Iterable<string>): void {
    for (const key of keys) {
      const spoken = this.#speaker.spoken(key)
      if (spoken === undefined || !spoken.subject.smi) {
        this.#tellOf(key, spoken)
        continue
      }
      const { ref, apiVersion, generation } = spoken.subject
      const refused = [...(this.#refused.get(key) ?? []), ...(this.#others().get(key) ?? [])]
      const findings = refused.length === 0 ? spoken.findings : orderly([...spoken.findings, ...refused])
      this.#want({ ref, apiVersion, generation, conditions: conditionsOf(findings, generation) })
    }
  }

  /** A namespace, a Service or a pod: what is new, once. */
  #tellOf(key: string, spoken: ReturnType<Speaker['spoken']>): void {
    const findings = spoken?.findings ?? []
    const before = this.#told.get(key) ?? []
    if (spoken === undefined || findings.length === 0) this.#told.delete(key)
    else this.#told.set(key, findings)
    const isSaid = (one: Finding) => before.some(({ field, message }) => field === one.field && message === one.message)
    const news = findings.filter(one => !isSaid(one))
    if (spoken !== undefined && news.length > 0) this.#tell(spoken.subject, news)
  }
}
