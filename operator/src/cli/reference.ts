/** The command tree as docs/reference/cli.md. Pure. */
import type { ArgumentTree, CommandTree, OptionTree } from './command-tree.ts'

export function renderReference(program: CommandTree): string {
  const commands = program.commands.filter(command => command.name !== 'help')
  const contents = commands.map(
    ({ name, summary }) => `| [\`${program.name} ${name}\`](#${program.name}-${name}) | ${cell(summary)} |`,
  )
  return `# The command line

<!-- Generated from operator/src/cli by \`UPDATE_GOLDEN=1 node --test operator/src/cli/reference.test.ts\`. Do not edit. -->

${program.description}

| command | what it answers |
|---|---|
${contents.join('\n')}

## Exit status

| status | meaning |
|---|---|
| 0 | yes; all is well |
| 1 | no; something was found: a problem in a file, a finding, a denial |
| 2 | the command line was not understood |
| 3 | the command could not do its work: no Envoy, an address in use, nobody who answers |

${commands.map(command => section(program.name, command)).join('\n')}`
}

function section(program: string, command: CommandTree): string {
  const parts = [
    `## ${program} ${command.name}`,
    command.description,
    `\`\`\`text\n${program} ${command.name}${command.options.length > 0 ? ' [options]' : ''}${command.arguments.map(usage).join('')}\n\`\`\``,
    table(
      ['argument', 'meaning'],
      command.arguments.map(({ name, description }) => [`\`${name}\``, description]),
    ),
    table(['option', 'meaning', 'default'], command.options.map(optionRow)),
    command.epilogue === '' ? '' : `\`\`\`text\n${command.epilogue}\n\`\`\``,
  ]
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

function usage({ name, isRequired, isVariadic }: ArgumentTree): string {
  const shown = isVariadic ? `${name}...` : name
  return isRequired ? ` <${shown}>` : ` [${shown}]`
}

function optionRow(option: OptionTree): readonly string[] {
  const choices = option.choices.length > 0 ? ` (${option.choices.map(choice => `\`${choice}\``).join(', ')})` : ''
  const standard = option.isMandatory ? 'required' : option.defaultValue === '' ? '' : `\`${option.defaultValue}\``
  return [`\`${option.flags}\``, `${option.description}${choices}`, standard]
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(columns), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** What stands between backticks is shown as it is; elsewhere `<` would begin a tag. */
function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').replaceAll('\n', ' ').split('`')
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part)).join('`')
}
