/** What tests need to know of a page of Markdown: its fenced blocks, its links and the anchors others may link to. Pure. */

export interface Fence {
  /** The first word after the backticks: `yaml`, `sh`, `console`. */
  readonly language: string
  /** The words after it: `bad`, `file=split.yaml`. */
  readonly words: readonly string[]
  readonly text: string
  /** The line of the opening backticks, from 1. */
  readonly line: number
}

export interface Link {
  readonly target: string
  readonly line: number
}

export interface Page {
  readonly fences: readonly Fence[]
  readonly links: readonly Link[]
  readonly anchors: ReadonlySet<string>
}

const FENCE = /^ {0,3}(`{3,}|~{3,}) *(.*)$/
const HEADING = /^#{1,6} +(.+?) *#*$/
const LINK = /\]\(<?([^()<>\s]+)>?(?: +"[^"]*")?\)/g
const REFERENCE = /^ {0,3}\[[^\]]+\]: +(\S+)/

export function readPage(text: string): Page {
  const fences: Fence[] = []
  const links: Link[] = []
  const headings: string[] = []
  let open:
    | { readonly marks: string; readonly info: string; readonly line: number; readonly lines: string[] }
    | undefined
  for (const [index, content] of text.split('\n').entries()) {
    const [, marks = '', info = ''] = FENCE.exec(content) ?? []
    if (open !== undefined) {
      if (info === '' && marks.startsWith(open.marks)) {
        const [language = '', ...words] = open.info.split(/ +/)
        fences.push({ language, words, text: open.lines.map(line => `${line}\n`).join(''), line: open.line })
        open = undefined
      } else open.lines.push(content)
    } else if (marks !== '') open = { marks, info: info.trim(), line: index + 1, lines: [] }
    else {
      const heading = HEADING.exec(content)?.[1]
      if (heading !== undefined) headings.push(heading)
      links.push(...linksOf(content).map(target => ({ target, line: index + 1 })))
    }
  }
  return { fences, links, anchors: anchorsOf(headings) }
}

function linksOf(content: string): readonly string[] {
  const prose = content.replaceAll(/`[^`]*`/g, '``')
  const reference = REFERENCE.exec(prose)?.[1]
  return [
    ...[...prose.matchAll(LINK)].map(([, target = '']) => target),
    ...(reference === undefined ? [] : [reference]),
  ]
}

/** As forges make them: lower case, spaces to hyphens, no punctuation; a second one of the same text gets `-1`. */
function anchorsOf(headings: readonly string[]): ReadonlySet<string> {
  const seen = new Map<string, number>()
  return new Set(
    headings.map(heading => {
      const slug = heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-')
      const times = seen.get(slug) ?? 0
      seen.set(slug, times + 1)
      return times === 0 ? slug : `${slug}-${times}`
    }),
  )
}
