/** Why a mesh cannot be asked something: its description says that it is never in that mode, or serves no such version. */
import { versionsOf } from '../../case/read.ts'
import type { Access, Case } from '../../case.ts'
import type { MeshOptions } from './mesh.ts'

export function misfit(mesh: MeshOptions, one: Case): string | undefined {
  return otherMode(mesh, one.access) ?? unserved(mesh, one)
}

/** Access control may be one switch for the whole mesh, which nobody turns between two cases. */
export function otherMode({ name, access: { only } }: MeshOptions, { mode }: Access): string | undefined {
  if (only === undefined || only === mode) return undefined
  return `access control of ${name} is one switch for the whole mesh, at ${only}; this takes ${mode}`
}

function unserved({ name, versions }: MeshOptions, one: Case): string | undefined {
  const lacking = versionsOf(one).find(written => {
    const [kind = '', version = ''] = written.split(' ')
    return versions.get(kind)?.includes(version) === false
  })
  return lacking === undefined ? undefined : `${name} does not serve ${lacking}`
}
