/** Objects of a cluster as they are taken away and given back by tests that break it. */

export interface Named {
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }
}

/** A definition that takes anything, as those of other meshes did. */
export function withoutSchema(definition: Definition): object {
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const versions = definition.spec.versions.map(version => ({ ...version, schema: { openAPIV3Schema } }))
  return { ...definition, spec: { ...definition.spec, versions } }
}

/** What is written of an object's metadata, rather than kept by the API server. */
export function marksOf({
  metadata: { labels, annotations },
}: Named): Pick<Named['metadata'], 'labels' | 'annotations'> {
  return { labels, annotations }
}

interface Definition {
  readonly spec: { readonly versions: readonly object[] }
}
