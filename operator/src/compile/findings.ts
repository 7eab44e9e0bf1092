/** All that is to be said, gathered by the object it is about. Each stage's findings change apart from its values. */
import type { Graph, Table } from '@smi-mesh/dataplane/derive'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Subject } from '../facts/facts.ts'
import { type Compiled, type Finding, orderly } from './finding.ts'

/** A stage's values without its findings. */
export function valuesOf<K, V>(graph: Graph, stage: Table<K, Compiled<V>>, name: string): Table<K, NonNullable<V>> {
  return graph.view(name, stage, ({ value }) => value ?? undefined)
}

/** A stage's findings, by the text of the object each is about. */
export function findingsBySubject<K>(
  graph: Graph,
  stage: Table<K, { readonly findings: readonly Finding[] }>,
): Table<string, readonly Finding[]> {
  const found = graph.view(`${stage.name}.findings`, stage, ({ findings }) =>
    findings.length === 0 ? undefined : findings,
  )
  const about = (findings: readonly Finding[]) => findings.map(finding => refText(finding.about))
  return graph.derive({
    name: `${stage.name}.findingsBySubject`,
    over: graph.index(`${stage.name}.subjects`, found, about),
    reads: { found },
    compute: (subject, keys, read) =>
      orderly([...keys].flatMap(key => read.found(key) ?? []).filter(finding => refText(finding.about) === subject)),
  })
}

/**
 * Everything about each object that exists. Of one that could not be read, only why: what else there is to say is about an
 * earlier version, which nobody looks at any more.
 */
export function gather(
  graph: Graph,
  subjects: Table<string, Subject>,
  problems: Table<string, readonly Finding[]>,
  stages: Readonly<Record<string, Table<string, readonly Finding[]>>>,
): Table<string, readonly Finding[]> {
  const rejected = graph.derive({ name: 'rejected', over: subjects, compute: (_key, subject) => subject.rejected })
  return graph.derive({
    name: 'findings',
    over: rejected,
    reads: { ...stages, problems },
    compute: (subject, unread, read) => {
      const looks = unread ? [read.problems] : Object.values(read)
      const all = looks.flatMap(look => look(subject) ?? [])
      return all.length === 0 ? undefined : orderly(all)
    },
  })
}
