/** Reads the commands of a fenced block, as far as documentation uses a shell: words, quotes, comments, continued lines. Pure. */
import type { Fence } from './markdown.ts'

export interface ShownCommand {
  readonly text: string
  readonly words: readonly string[]
  /** What the page says it prints; undefined where the page shows no output. */
  readonly output: string | undefined
  readonly line: number
}

/** A line of output that stands for any number of lines. */
const ELLIPSIS = '…'

/** `sh`: every line is a command. `console`: lines after `$ ` are commands, all others what the one before them prints. */
export function shownCommands(fence: Fence): readonly ShownCommand[] {
  const isConsole = fence.language === 'console'
  const found: { text: string; line: number; output: string[] }[] = []
  let continued = false
  for (const [index, content] of fence.text.replace(/\n$/, '').split('\n').entries()) {
    const command: string | undefined = continued ? content : isConsole ? /^\$ (.*)$/.exec(content)?.[1] : content
    const last = found.at(-1)
    if (command === undefined) last?.output.push(content)
    else if (continued && last !== undefined) last.text = `${last.text.slice(0, -1)}${command.trim()}`
    else if (command.trim() !== '' && !command.startsWith('#')) {
      found.push({ text: command, line: fence.line + 1 + index, output: [] })
    }
    continued = command?.endsWith('\\') === true
  }
  return found.map(({ text, line, output }) => ({
    text,
    line,
    words: shellWords(text),
    output: isConsole && output.length > 0 ? output.map(one => `${one}\n`).join('') : undefined,
  }))
}

/** The words of a command line up to a comment, a pipe or a redirection, which mean nothing to the program itself. */
export function shellWords(text: string): readonly string[] {
  const words: string[] = []
  for (const [word] of text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (/^(#.*|\||>|&|&&|;)$/.test(word)) break
    words.push(
      word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_all, single?: string, double?: string) => single ?? double ?? ''),
    )
  }
  return words
}

/** Whether what was printed is what a page shows, line by line; trailing blanks and empty last lines are nobody's business. */
export function isShown(shown: string, printed: string): boolean {
  const pattern = linesOf(shown).map(line =>
    line.trim() === ELLIPSIS ? '(?:.*\\n)*?' : `${line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\n`,
  )
  return new RegExp(`^${pattern.join('')}$`).test(
    linesOf(printed)
      .map(line => `${line}\n`)
      .join(''),
  )
}

function linesOf(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => line.trimEnd())
}
