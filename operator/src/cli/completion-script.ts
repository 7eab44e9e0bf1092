/** The command tree → what a shell needs to complete it: subcommands, options, the values of options, files. Pure. */
import type { CommandTree, OptionTree } from './command-tree.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell, program: CommandTree): string {
  switch (shell) {
    case 'bash':
      return bash(program)
    case 'zsh':
      return zsh(program)
    case 'fish':
      return fish(program)
  }
}

function bash(program: CommandTree): string {
  const commands = program.commands.map(({ name }) => name)
  const cases = program.commands.map(command => {
    const values = command.options
      .filter(option => option.choices.length > 0)
      .map(
        option =>
          `        ${flagsOf(option).join('|')}) COMPREPLY=($(compgen -W '${option.choices.join(' ')}' -- "$word")); return ;;`,
      )
    const words = command.arguments.flatMap(argument => argument.choices)
    const options = command.options.flatMap(flagsOf)
    return `    ${command.name})
      case "$before" in
${[...values, '        *) ;;'].join('\n')}
      esac
      case "$word" in
        -*) COMPREPLY=($(compgen -W '${[...options, '--help'].join(' ')}' -- "$word")) ;;
        *) COMPREPLY=(${words.length > 0 ? `$(compgen -W '${words.join(' ')}' -- "$word")` : '$(compgen -f -- "$word")'}) ;;
      esac ;;`
  })
  return `# bash completion of ${program.name}; to use it: source <(${program.name} completion bash)
_${program.name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${[...commands, '--help', '--version'].join(' ')}' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
}
complete -o filenames -F _${program.name} ${program.name}
`
}

function zsh(program: CommandTree): string {
  const commands = program.commands.map(({ name, summary }) => `    '${zshText(name)}:${zshText(summary)}'`)
  const cases = program.commands.map(command => {
    const options = command.options.map(option => `        ${zshOption(option)}`)
    const words = command.arguments.flatMap(argument => argument.choices)
    const rest = words.length > 0 ? `'*:value:(${words.join(' ')})'` : "'*:file:_files'"
    return `      ${command.name})\n        _arguments \\\n${[...options, `        ${rest}`].join(' \\\n')} ;;`
  })
  return `#compdef ${program.name}
# zsh completion of ${program.name}; to use it: source <(${program.name} completion zsh)
_${program.name}() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef _${program.name} ${program.name}
`
}

function zshOption(option: OptionTree): string {
  const flags = flagsOf(option)
  const description = zshText(firstSentence(option.description))
  const value = option.takesValue
    ? `:value:${option.choices.length > 0 ? `(${option.choices.join(' ')})` : '_files'}`
    : ''
  const text = `[${description}]${value}`
  const [only] = flags
  return flags.length > 1 ? `{${flags.join(',')}}'${text}'` : `'${only ?? ''}${text}'`
}

function zshText(text: string): string {
  return text.replaceAll(/[:[\]`]/g, '').replaceAll("'", '’')
}

function fish(program: CommandTree): string {
  const names = program.commands.map(({ name }) => name).join(' ')
  const lines = [`# fish completion of ${program.name}; to use it: ${program.name} completion fish | source`]
  const at = (command: string) => `complete -c ${program.name} -n '__fish_seen_subcommand_from ${command}'`
  for (const command of program.commands) {
    lines.push(
      `complete -c ${program.name} -f -n 'not __fish_seen_subcommand_from ${names}' -a ${command.name} -d '${fishText(command.summary)}'`,
    )
    for (const option of command.options) {
      const short = option.short === '' ? '' : ` -s ${option.short.slice(1)}`
      const value = !option.takesValue ? '' : option.choices.length > 0 ? ` -x -a '${option.choices.join(' ')}'` : ' -r'
      lines.push(
        `${at(command.name)}${short} -l ${option.long.slice(2)}${value} -d '${fishText(firstSentence(option.description))}'`,
      )
    }
    const words = command.arguments.flatMap(argument => argument.choices)
    if (words.length > 0) lines.push(`${at(command.name)} -f -a '${words.join(' ')}'`)
  }
  return `${lines.join('\n')}\n`
}

function fishText(text: string): string {
  return text.replaceAll('`', '').replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}

function flagsOf({ short, long }: OptionTree): readonly string[] {
  return [short, long].filter(flag => flag !== '')
}

function firstSentence(text: string): string {
  return text.split(/[;\n(]/, 1)[0]?.trim() ?? ''
}
