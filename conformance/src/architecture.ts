/** Rules about source files as data: what each says, why, and how it is seen to be broken. Knows no file system. */

export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

interface Rule {
  readonly says: string
  readonly because: string
}

/** A rule about one file by itself. */
export interface FileRule extends Rule {
  readonly broken: (file: SourceFile) => readonly string[]
}

/** A rule about what files of one place may import. */
export interface PackageRule extends Rule {
  /** Where it holds. */
  readonly within: RegExp
  readonly except?: RegExp
  /** What may not be imported: a path from the root, or the name of a package. */
  readonly forbidden: RegExp
}

/** The aims are 300 and 40; these are where a smell becomes a fault. Tests are lists, and wiring is read top to bottom. */
const LONGEST_FILE = { source: 350, test: 400 }
const LONGEST_FUNCTION = 90

/** Tests, and what only they use. */
const OF_TESTS = /test\.ts$|\.contract\.ts$|\/test(?:data)?\//

export const FILE_RULES: readonly FileRule[] = [
  {
    says: 'begins by saying what it knows',
    because: 'a reader decides by that sentence whether to read on',
    broken: ({ path, text }) => {
      const optional = /\.(?:[a-z]+-)?test\.ts$|(?:^|\/)index\.ts$/.test(path)
      return optional || /^(?:#!.*\n)?\/\*\*/.test(text) ? [] : ['no docstring at the top']
    },
  },
  {
    says: 'is at most 350 lines long, a test 400 (the aim is 300)',
    because: 'what is longer knows two things',
    broken: ({ path, text }) => {
      const lines = text.split('\n').length - 1
      const most = OF_TESTS.test(path) ? LONGEST_FILE.test : LONGEST_FILE.source
      return lines > most ? [`${lines} lines`] : []
    },
  },
  {
    says: 'has no function of more than 90 lines (the aim is 40)',
    because: 'a function is read as one thought',
    broken: ({ path, text }) => (OF_TESTS.test(path) ? [] : longFunctions(text)),
  },
  {
    says: 'exports by name, unless it says on the spot why not',
    because: 'a thing has one name wherever it is used, and can be searched for',
    broken: ({ text }) => found(text, /(?<!^\/\/ biome-ignore .*\n)^export default .*/gm),
  },
  {
    says: 'has no enum, no namespace and no parameter property',
    because: 'types are stripped, not compiled; a union of texts says the same',
    broken: ({ text }) =>
      found(
        code(text),
        /^\s*(?:export )?(?:const )?enum \w+|^\s*(?:export )?namespace \w+|constructor\([^)]*\b(?:private|public|protected) /gm,
      ),
  },
  {
    says: 'is named for what it holds',
    because: 'whatever fits nowhere else ends up in `utils`',
    broken: ({ path }) => found(path, /(?:^|\/)(?:utils?|helpers?|common|misc|types|manager)(?:\.ts|\/)/g),
  },
]

export const PACKAGE_RULES: readonly PackageRule[] = [
  {
    says: 'smi-crds knows no other package of ours',
    because: 'the API stands for itself and is useful without the mesh',
    within: /^smi-crds\//,
    forbidden: /^@smi-mesh\/|^(?:dataplane|operator|conformance)\//,
  },
  {
    says: 'dataplane knows no Kubernetes and no SMI',
    because: 'it meets the operator in the mesh model alone, and can be read and tested without it',
    within: /^dataplane\//,
    forbidden: /^@smi-mesh\/|^(?:smi-crds|operator|conformance)\/|^@kubernetes\/|^@dot-i\//,
  },
  {
    says: 'operator does not know conformance',
    because: 'what is judged must not lean on the judge',
    within: /^operator\//,
    forbidden: /^@smi-mesh\/conformance|^conformance\//,
  },
  {
    says: 'packages import each other by their public names',
    because: 'whatever is reached around the exports can never be changed',
    within: /^(?:smi-crds|dataplane|operator|conformance)\//,
    forbidden: /^@smi-mesh\/[\w-]+\/(?:src|dist)\//,
  },
  {
    says: 'no relative import leaves its package',
    because: 'whatever is reached around the exports can never be changed',
    within: /^(smi-crds|dataplane|operator|conformance)\//,
    except: OF_TESTS,
    forbidden: /^(smi-crds|dataplane|operator|conformance)\//, // of another one: see `faults`
  },
  {
    says: 'derive knows nothing of meshes',
    because: 'it is an engine, and is proved as one',
    within: /^dataplane\/src\/derive\//,
    forbidden: /^dataplane\/src\/(?!derive\/)/,
  },
  {
    says: 'the mesh knows no Envoy',
    because: 'it is where the two halves of the product meet, and belongs to neither',
    within: /^dataplane\/src\/mesh\//,
    forbidden: /^dataplane\/src\/(?!mesh\/|derive\/)/,
  },
  {
    says: 'envoy and xds do not know each other',
    because: 'what is told and how it is told change for different reasons; they meet in serve.ts',
    within: /^dataplane\/src\/(?:envoy|xds)\//,
    except: OF_TESTS,
    forbidden: /^dataplane\/src\/(?:envoy|xds)\//, // of the other one: see `faults`
  },
  {
    says: 'only proto, and the wire format of xds, know the protobuf library',
    because: 'it has been changed before and will be again',
    within: /^dataplane\/src\/(?!proto\/|xds\/)|^operator\//,
    forbidden: /^@bufbuild\//,
  },
  {
    says: 'facts and compile know neither sources nor status nor identities',
    because: 'what objects mean does not depend on where they come from or who is told',
    within: /^operator\/src\/(?:facts|compile)\//,
    except: OF_TESTS,
    forbidden: /^operator\/src\/(?:sources|status|identity|standalone|cli|admin|telemetry|leader|webhooks)\//,
  },
  {
    says: 'only operator/src/kubernetes knows the Kubernetes client library',
    because: 'it was replaced by plain requests for speed, and is left for credentials alone',
    within: /^(?:smi-crds|dataplane|conformance)\/|^operator\/src\/(?!kubernetes\/)/,
    forbidden: /^@kubernetes\/client-node/,
  },
  {
    says: 'only operator.ts knows the package of its base class',
    because: 'what that class does by itself does not survive a broken connection, so nothing else may lean on it',
    within: /^(?:smi-crds|dataplane|conformance)\/|^operator\/src\/(?!operator\.ts)/,
    forbidden: /^@dot-i\/k8s-operator/,
  },
  {
    says: 'kubernetes knows how to ask, not what for',
    because: 'everybody who asks stands on it',
    within: /^operator\/src\/kubernetes\//,
    except: OF_TESTS,
    forbidden: /^operator\/src\/(?!kubernetes\/|mesh-error\.ts|key-exchange\.ts|facts\/read\.ts)|^@smi-mesh\/dataplane/,
  },
  {
    says: 'what runs without a cluster does not know the Kubernetes API',
    because: 'it is used, and tested, without one',
    within: /^operator\/src\/(?:compile|facts|standalone|admin|translate\.ts|control-plane\.ts)/,
    forbidden: /^operator\/src\/(?:kubernetes|leader|webhooks|operator\.ts)/,
  },
  {
    says: 'the oracle shares no code with what it judges',
    because: 'a mistake that both make is one that nobody finds',
    within: /^conformance\/src\/(?:oracle|worlds)(?:\/|\.ts)|^conformance\/src\/(?:world|requests)\.ts/,
    except: /test\.ts$/,
    forbidden: /^@smi-mesh\//,
  },
]

/** Names of what a file imports or re-exports, as written. */
export function importsOf({ text }: SourceFile): readonly string[] {
  const written = /^\s*(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'|^\s*import '([^']+)'|\bimport\('([^']+)'\)/gm
  return [...code(text).matchAll(written)].flatMap(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? [])
}

/** Where a file breaks a rule about imports. */
export function faults({ within, except, forbidden }: PackageRule, file: SourceFile): readonly string[] {
  const here = within.exec(file.path)
  if (here === null || except?.test(file.path)) return []
  return importsOf(file)
    .map(name => (name.startsWith('.') ? resolved(file.path, name) : name))
    .filter(target => {
      const hit = forbidden.exec(target)
      return hit !== null && hit[0] !== here[0] // its own place is no other
    })
    .map(target => `${file.path} imports ${target}`)
}

function resolved(from: string, name: string): string {
  return new URL(name, `file:///${from}`).pathname.slice(1)
}

/** A text without its comments. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, '')).replace(/(^|\s)\/\/.*$/gm, '$1')
}

function found(text: string, wanted: RegExp): readonly string[] {
  return [...text.matchAll(wanted)].map(([hit]) => hit.trim())
}

/** Functions and methods by their indentation: the formatter makes it tell where they end. */
function longFunctions(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    const [, indentation, name] =
      /^(\s*)(?:export )?(?:async )?(?:function\*? )?(?:static |async |#|\*)*(\w+)(?:<.*>)?\(.*\{$/.exec(line) ?? []
    if (name === undefined || indentation === undefined || /^(?:if|for|while|switch|catch|test|describe)$/.test(name))
      return []
    const end = lines.findIndex((other, below) => below > at && other.startsWith(`${indentation}}`))
    return end - at > LONGEST_FUNCTION ? [`${name} is ${end - at + 1} lines long`] : []
  })
}
