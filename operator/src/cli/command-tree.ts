/** The commands as plain data, for whatever is generated from them: the reference and shell completion. Pure. */
import type { Argument, Command, Option } from 'commander'

export interface CommandTree {
  readonly name: string
  readonly summary: string
  readonly description: string
  readonly arguments: readonly ArgumentTree[]
  readonly options: readonly OptionTree[]
  readonly commands: readonly CommandTree[]
  /** Examples and exit status, as the help shows them. */
  readonly epilogue: string
}

export interface ArgumentTree {
  readonly name: string
  readonly description: string
  readonly isRequired: boolean
  readonly isVariadic: boolean
  readonly choices: readonly string[]
}

export interface OptionTree {
  readonly flags: string
  readonly short: string
  readonly long: string
  readonly description: string
  readonly takesValue: boolean
  readonly isMandatory: boolean
  readonly choices: readonly string[]
  readonly defaultValue: string
}

/** A command and all below it. */
export function commandTree(command: Command): CommandTree {
  return {
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    arguments: command.registeredArguments.map(argumentTree),
    options: command.options.filter(option => !option.hidden).map(optionTree),
    commands: command.commands.map(commandTree),
    epilogue: epilogueOf(command),
  }
}

function argumentTree(argument: Argument): ArgumentTree {
  return {
    name: argument.name(),
    description: argument.description,
    isRequired: argument.required,
    isVariadic: argument.variadic,
    choices: argument.argChoices ?? [],
  }
}

function optionTree(option: Option): OptionTree {
  const given: unknown = option.defaultValueDescription ?? option.defaultValue
  return {
    flags: option.flags,
    short: option.short ?? '',
    long: option.long ?? '',
    description: option.description,
    takesValue: option.required || option.optional,
    isMandatory: option.mandatory,
    choices: option.argChoices ?? [],
    defaultValue: typeof given === 'string' || typeof given === 'number' ? String(given) : '',
  }
}

/** Commander keeps what follows the help to itself, so the help is shown to nobody and cut. */
function epilogueOf(command: Command): string {
  const output = command.configureOutput()
  const shown: string[] = []
  command.configureOutput({ ...output, writeOut: text => shown.push(text) })
  command.outputHelp()
  command.configureOutput(output)
  const help = command.helpInformation()
  const text = shown.join('')
  return text.slice(text.indexOf(help) + help.length).trim()
}
