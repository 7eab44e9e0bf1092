/**
 * All current resources by group, the scopes that list those groups, and what changed since when.
 *
 * A scope sees, for each type and name, the resource of the last of its groups that has one. Knows nothing of sessions.
 */
import type { WorkloadKey } from '../mesh/keys.ts'
import type { EnvoyResource, GroupKey, TypeUrl } from '../mesh/resource.ts'
import { type ChangeLog, LogBook, type Revision } from './change-log.ts'
import { lastOf, positioned, regrouped, sameList } from './grouping.ts'
import { type Resource, resource, type Version } from './resource.ts'

export type { Revision } from './change-log.ts'

/** One name that means something else to a scope than it did: what it was, what it is. Never the same version twice. */
export interface Change {
  readonly name: string
  readonly was: Version | undefined
  readonly is: Resource | undefined
}

export interface Changes {
  readonly put: Iterable<EnvoyResource>
  readonly remove: Iterable<Pick<EnvoyResource, 'group' | 'type' | 'name'>>
  /** Groups in order, later ones winning; undefined where the scope is no more. */
  readonly scopes: Iterable<readonly [WorkloadKey, readonly GroupKey[] | undefined]>
}

interface Shelf {
  readonly resources: Map<string, Resource>
  readonly log: ChangeLog<{ readonly revision: Revision; readonly name: string; readonly before: Version | undefined }>
}

interface Group {
  readonly kind: 'group'
  readonly key: GroupKey
  readonly shelves: Map<TypeUrl, Shelf>
  readonly scopes: Set<WorkloadKey>
  /** What happened to a group of this name before is unknown. */
  readonly from: Revision
}

interface Scope {
  readonly kind: 'scope'
  readonly key: WorkloadKey
  groups: readonly GroupKey[]
  positions: ReadonlyMap<GroupKey, number>
  readonly log: ChangeLog<{ readonly revision: Revision; readonly before: readonly GroupKey[] }>
}

/** What a scope saw at an earlier revision. */
interface Past {
  readonly positions: ReadonlyMap<GroupKey, number>
  /** For each group that changed since, and perhaps others: name → the version it had then. */
  readonly undone: ReadonlyMap<GroupKey, ReadonlyMap<string, Version | undefined>>
}

const NOTHING_UNDONE: ReadonlyMap<string, Version | undefined> = new Map()
const NO_CHANGE: readonly Change[] = []
const NOTHING: ReadonlyMap<string, Resource> = new Map()
const NOBODY: ReadonlySet<GroupKey> = new Set()

export class Catalog {
  readonly #groups = new Map<GroupKey, Group>()
  readonly #scopes = new Map<WorkloadKey, Scope>()
  /** Who has something of a name: nearly always one group, or one for each workload. */
  readonly #holders = new Map<TypeUrl, Map<string, Set<GroupKey>>>()
  /** When something of a type last changed, for anybody. */
  readonly #changedAt = new Map<TypeUrl, Revision>()
  readonly #book: LogBook<Group | Scope>
  #revision: Revision = 0
  #collectedAt: Revision = 0
  #views = new Map<string, ReadonlyMap<string, Resource>>()
  #diffs = new Map<string, readonly Change[] | undefined>()
  #undoings = new Map<string, Past['undone'] | undefined>()

  /** `logBudget`: how many changes are remembered. A session that lags behind them is ended and starts anew. */
  constructor(logBudget = 16_384) {
    this.#book = new LogBook(logBudget, owner => this.#collect(owner))
  }

  get revision(): Revision {
    return this.#revision
  }

  /** Publishes changes as one revision. What is no change makes none, and no new revision. */
  commit({ put, remove, scopes }: Changes): Revision {
    const next = this.#revision + 1
    let changed = false
    for (const { group, type, name } of remove) changed = this.#write(next, group, type, name, undefined) || changed
    for (const one of put) changed = this.#write(next, one.group, one.type, one.name, resource(one)) || changed
    for (const [key, groups] of scopes) changed = this.#writeScope(next, key, groups) || changed
    if (!changed) return this.#revision
    this.#views = new Map()
    this.#diffs = new Map()
    this.#undoings = new Map()
    this.#revision = next
    return next
  }

  hasScope(scope: WorkloadKey): boolean {
    return this.#scopes.has(scope)
  }

  /** What a name means to a scope now. */
  current(scope: WorkloadKey, type: TypeUrl, name: string): Resource | undefined {
    const holders = this.#holders.get(type)?.get(name)
    if (holders === undefined) return undefined
    const record = this.#scopes.get(scope)
    if (record === undefined) return undefined
    const winner =
      holders.size < record.groups.length
        ? lastOf(holders, record.positions)
        : record.groups.findLast(group => holders.has(group))
    return winner === undefined ? undefined : this.#groups.get(winner)?.shelves.get(type)?.resources.get(name)
  }

  /** All that a scope has of a type, by name in order. */
  all(scope: WorkloadKey, type: TypeUrl): ReadonlyMap<string, Resource> {
    const record = this.#scopes.get(scope)
    if (record === undefined) return NOTHING
    const key = `${type} ${scope}`
    const known = this.#views.get(key)
    if (known !== undefined) return known
    const found = new Map<string, Resource>()
    for (const group of record.groups) {
      for (const [name, one] of this.#groups.get(group)?.shelves.get(type)?.resources ?? []) found.set(name, one)
    }
    const view = new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
    this.#views.set(key, view)
    return view
  }

  names(scope: WorkloadKey, type: TypeUrl): Iterable<string> {
    return this.all(scope, type).keys()
  }

  /**
   * What differs for a scope between `revision` and now: O(change). Undefined if that is no longer remembered.
   * A scope that is no more changes no more: its last proxies keep what they have.
   */
  since(scope: WorkloadKey, type: TypeUrl, revision: Revision): readonly Change[] | undefined {
    if (revision === this.#revision) return NO_CHANGE
    const record = this.#scopes.get(scope)
    if (record === undefined) return NO_CHANGE
    const quiet = (this.#changedAt.get(type) ?? 0) <= revision && record.log.isQuietSince(revision)
    if (quiet) return NO_CHANGE // most types, most times
    const key = `${revision} ${type} ${scope}`
    if (!this.#diffs.has(key)) this.#diffs.set(key, this.#diff(record, type, revision))
    return this.#diffs.get(key)
  }

  /** The scopes that a change after `revision` may concern. */
  affectedSince(revision: Revision): ReadonlySet<WorkloadKey> {
    const owners = this.#book.ownersSince(revision)
    if (owners === undefined) return new Set(this.#scopes.keys())
    const affected = new Set<WorkloadKey>()
    for (const owner of owners) {
      if (owner.kind === 'scope') affected.add(owner.key)
      else for (const scope of owner.scopes) affected.add(scope)
    }
    return affected
  }

  #diff(record: Scope, type: TypeUrl, revision: Revision): readonly Change[] | undefined {
    const before = record.log.since(revision)
    if (before === undefined) return undefined
    const past =
      before[0] === undefined ? this.#quietPast(record, type, revision) : this.#past(before[0].before, type, revision)
    if (past === undefined) return undefined
    const suspects = new Set<string>()
    for (const undone of past.undone.values()) for (const name of undone.keys()) suspects.add(name)
    for (const group of before.length === 0 ? [] : regrouped([...past.positions.keys()], record.groups)) {
      for (const name of this.#groups.get(group)?.shelves.get(type)?.resources.keys() ?? []) suspects.add(name)
    }
    return [...suspects]
      .sort()
      .map(name => ({ name, was: this.#versionThen(past, type, name), is: this.current(record.key, type, name) }))
      .filter(change => change.was !== change.is?.version)
  }

  /** The past of a scope that lists what it did: of its groups, only those that changed are looked at. */
  #quietPast({ groups, positions }: Scope, type: TypeUrl, revision: Revision): Past | undefined {
    const changed = this.#undone(type, revision)
    if (changed === undefined) return this.#past(groups, type, revision)
    const undone = new Map<GroupKey, ReadonlyMap<string, Version | undefined>>()
    for (const group of changed.size < positions.size ? changed.keys() : positions.keys()) {
      const names = positions.has(group) ? changed.get(group) : undefined
      if (names !== undefined) undone.set(group, names)
    }
    return { positions, undone }
  }

  /** What must be undone, of any group, to be back at `revision`; undefined if that is forgotten of some group. */
  #undone(type: TypeUrl, revision: Revision): Past['undone'] | undefined {
    const key = `${revision} ${type}`
    if (!this.#undoings.has(key)) this.#undoings.set(key, this.#undoing(type, revision))
    return this.#undoings.get(key)
  }

  #undoing(type: TypeUrl, revision: Revision): Past['undone'] | undefined {
    const owners = this.#book.ownersSince(revision)
    if (owners === undefined) return undefined
    const undone = new Map<GroupKey, ReadonlyMap<string, Version | undefined>>()
    for (const owner of owners) {
      const shelf = owner.kind === 'group' ? owner.shelves.get(type) : undefined
      const names = shelf === undefined ? NOTHING_UNDONE : undo(shelf, revision)
      if (names === undefined) return undefined
      if (owner.kind === 'group' && names.size > 0) undone.set(owner.key, names)
    }
    return undone
  }

  /** For each group in order, what must be undone to see it as of `revision`; undefined if that is forgotten. */
  #past(groups: readonly GroupKey[], type: TypeUrl, revision: Revision): Past | undefined {
    const past = new Map<GroupKey, ReadonlyMap<string, Version | undefined>>()
    for (const key of groups) {
      const group = this.#groups.get(key)
      if (revision < (group?.from ?? this.#collectedAt)) return undefined
      const shelf = group?.shelves.get(type)
      const undone = shelf === undefined ? NOTHING_UNDONE : undo(shelf, revision)
      if (undone === undefined) return undefined
      past.set(key, undone)
    }
    return { positions: positioned(groups).positions, undone: past }
  }

  #versionThen({ positions, undone }: Past, type: TypeUrl, name: string): Version | undefined {
    let winner: Version | undefined
    let best = -1
    const holders = this.#holders.get(type)?.get(name) ?? NOBODY
    const now = holders.size < positions.size ? holders : positions.keys()
    // Whoever had it then has it now, or lost it since.
    for (const group of [...now, ...undone.keys()]) {
      const at = positions.get(group) ?? -1
      const names = undone.get(group)
      const version = names?.has(name)
        ? names.get(name)
        : this.#groups.get(group)?.shelves.get(type)?.resources.get(name)?.version
      if (at > best && version !== undefined) [winner, best] = [version, at]
    }
    return winner
  }

  #write(revision: Revision, key: GroupKey, type: TypeUrl, name: string, after: Resource | undefined): boolean {
    const shelf = after === undefined ? this.#groups.get(key)?.shelves.get(type) : this.#shelf(key, type)
    const before = shelf?.resources.get(name)
    if (shelf === undefined || (before === undefined && after === undefined)) return false
    if (after === undefined) shelf.resources.delete(name)
    else shelf.resources.set(name, after)
    if (before?.version === after?.version) return false // at most who it is from changed
    this.#changedAt.set(type, revision)
    this.#hold(type, name, key, after !== undefined)
    const group = this.#group(key)
    this.#book.append(group, shelf.log, { revision, name, before: before?.version })
    return true
  }

  #writeScope(revision: Revision, key: WorkloadKey, groups: readonly GroupKey[] | undefined): boolean {
    const record = this.#scopes.get(key)
    const before = record?.groups ?? []
    if (groups !== undefined && record !== undefined && sameList(before, groups)) return false
    if (groups === undefined && record === undefined) return false
    for (const group of before) this.#group(group).scopes.delete(key)
    for (const group of groups ?? []) this.#group(group).scopes.add(key)
    if (groups === undefined) this.#scopes.delete(key)
    else if (record === undefined) this.#scopes.set(key, { ...this.#newScope(key, revision), ...positioned(groups) })
    else {
      this.#book.append(record, record.log, { revision, before })
      Object.assign(record, positioned(groups))
    }
    for (const group of before) this.#collect(this.#groups.get(group))
    return true
  }

  /** Whoever held a scope of this name before it is made starts anew. */
  #newScope(key: WorkloadKey, revision: Revision): Pick<Scope, 'kind' | 'key' | 'log'> {
    return { kind: 'scope', key, log: this.#book.log(revision) }
  }

  #group(key: GroupKey): Group {
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const group: Group = { kind: 'group', key, shelves: new Map(), scopes: new Set(), from: this.#collectedAt }
    this.#groups.set(key, group)
    return group
  }

  #shelf(key: GroupKey, type: TypeUrl): Shelf {
    const group = this.#group(key)
    const known = group.shelves.get(type)
    if (known !== undefined) return known
    const shelf: Shelf = { resources: new Map(), log: this.#book.log(group.from) }
    group.shelves.set(type, shelf)
    return shelf
  }

  #hold(type: TypeUrl, name: string, group: GroupKey, holds: boolean): void {
    const names = this.#holders.get(type) ?? new Map<string, Set<GroupKey>>()
    this.#holders.set(type, names)
    const holders = names.get(name) ?? new Set<GroupKey>()
    if (holds) holders.add(group)
    else holders.delete(group)
    if (holders.size > 0) names.set(name, holders)
    else names.delete(name)
  }

  /** Forgets a group that nobody lists, that is empty, and whose past nobody can ask for. */
  #collect(owner: Group | Scope | undefined): void {
    if (owner?.kind !== 'group' || owner.scopes.size > 0) return
    for (const shelf of owner.shelves.values()) if (shelf.resources.size > 0 || shelf.log.size > 0) return
    if (this.#groups.get(owner.key) === owner) this.#groups.delete(owner.key)
    if (owner.shelves.size > 0) this.#collectedAt = this.#revision + 1 // what never held anything has no past
  }
}

/** For each name that changed after `revision`, what it was then; undefined if that is forgotten. */
function undo(shelf: Shelf, revision: Revision): ReadonlyMap<string, Version | undefined> | undefined {
  const entries = shelf.log.since(revision)
  if (entries === undefined) return undefined
  if (entries.length === 0) return NOTHING_UNDONE
  const before = new Map<string, Version | undefined>()
  for (const entry of entries) if (!before.has(entry.name)) before.set(entry.name, entry.before)
  return before
}
