/**
 * `nexus completion bash|zsh|fish`: a script that completes nouns, verbs, options of this very version and the words that
 * an option takes, and local files where none of them fits. It asks no server.
 */
import { type Command, type Option, UsageError } from './command.ts';
import { COMMON } from './parse-line.ts';

/** What may follow the words of a line: the next words, and the options. */
interface Vocabulary {
  /** By the words before, joined by a blank. */
  readonly next: ReadonlyMap<string, readonly string[]>;
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** By the words and the option behind them. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

export function completionFor(shell: string, commands: readonly Command[]): string {
  const script = SCRIPTS[shell];
  if (!script) throw new UsageError(`there is no completion for "${shell}", but for bash, zsh and fish`);
  return script(commands);
}

const SCRIPTS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: (commands) => `${functionsOf(commands)}${BASH}`,
  zsh: (commands) => `#compdef nexus\n${functionsOf(commands)}${ZSH}`,
  fish: fishOf,
};

const flagsOf = (options: readonly Option[]): string[] => options.map(({ name }) => `--${name}`);

function vocabularyOf(commands: readonly Command[]): Vocabulary {
  const pairs = commands.map(({ words }) => words.split(' ') as [string, string?]);
  const verbs = Map.groupBy(
    pairs.filter(([, verb]) => verb !== undefined),
    ([noun]) => noun,
  );
  const next = new Map([...verbs].map(([noun, own]) => [noun, own.map(([, verb]) => verb ?? '')]));
  next.set('', [...new Set(pairs.map(([first]) => first))]);
  const values = commands.flatMap(({ words, options }) =>
    options.flatMap((one) => (one.words ? [[`${words} --${one.name}`, one.words] as const] : [])),
  );
  return {
    next,
    options: new Map(commands.map(({ words, options }) => [words, flagsOf(options)])),
    values: new Map(values),
  };
}

/** Functions that bash and zsh read alike. */
function functionsOf(commands: readonly Command[]): string {
  const { next, options, values } = vocabularyOf(commands);
  const lookUp = (name: string, table: ReadonlyMap<string, readonly string[]>): string => {
    const cases = [...table].map(([words, known]) => `    '${words}') echo '${known.join(' ')}' ;;\n`);
    return `${name}() {\n  case "$1" in\n${cases.join('')}    *) return 1 ;;\n  esac\n}\n`;
  };
  const common = flagsOf(COMMON).join(' ');
  return `${lookUp('_nexus_next', next)}${lookUp('_nexus_own', options)}${lookUp('_nexus_taken', values)}_nexus_options() {
  _nexus_own "$1 $2" || _nexus_own "$1"
  echo '${common}'
}
_nexus_values() {
  _nexus_taken "$1 $2 $3" || _nexus_taken "$1 $3"
}
`;
}

const BASH = `_nexus() {
  local word values cur="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" typed=()
  # What stands behind "=" is a word of its own to bash, and so is that.
  [[ $before == = ]] && before="\${COMP_WORDS[COMP_CWORD-2]}"
  [[ $cur == = ]] && cur=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $word == -* ]] || typed+=("$word"); done
  if values=$(_nexus_values "\${typed[0]}" "\${typed[1]}" "$before"); then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_nexus_options "\${typed[0]}" "\${typed[1]}")" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$(_nexus_next "\${typed[*]}")" -- "$cur"))
  fi
}
complete -o default -F _nexus nexus
`;

const ZSH = `_nexus() {
  local -a typed
  local values before=$words[CURRENT-1]
  typed=(\${words[2,CURRENT-1]:#-*})
  if [[ $PREFIX == --*=* ]]; then
    before=\${PREFIX%%=*}
    compset -P '*='
  fi
  if values=$(_nexus_values "$typed[1]" "$typed[2]" "$before"); then
    compadd -- \${=values}
  elif [[ $PREFIX == -* ]]; then
    compadd -- \${=$(_nexus_options "$typed[1]" "$typed[2]")}
  else
    compadd -- \${=$(_nexus_next "$typed[*]")} || _files
  fi
}
compdef _nexus nexus
`;

function fishOf(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const { next } = vocabularyOf(commands);
  const summaries = new Map(commands.map(({ words, summary }) => [words, summary]));
  const words = [...next].flatMap(([before, known]) =>
    known.map((word) => {
      const summary = summaries.get(before === '' ? word : `${before} ${word}`);
      const about = summary === undefined ? '' : ` -d ${quoted(summary)}`;
      return `complete -c nexus -n ${quoted(`__nexus_typed '${before}'`)} -a ${word}${about}`;
    }),
  );
  const value = ({ takes, words: known }: Option): string => {
    if (known) return ` -x -a ${quoted(known.join(' '))}`;
    return takes === 'flag' ? '' : ' -r';
  };
  const option = (one: Option, when: string): string =>
    `complete -c nexus${when} -l ${one.name}${one.short ? ` -s ${one.short}` : ''}${value(one)} -d ${quoted(one.about)}`;
  const options = commands.flatMap((command) =>
    command.options.map((one) => option(one, ` -n ${quoted(`__nexus_begun '${command.words}'`)}`)),
  );
  return [FISH, ...words, ...options, ...COMMON.map((one) => option(one, '')), ''].join('\n');
}

const FISH = `function __nexus_words
  string match -v -- '-*' (commandline -opc)[2..-1] | string join ' '
end
function __nexus_typed
  test (__nexus_words | string collect --allow-empty) = "$argv"
end
function __nexus_begun
  string match -q -- "$argv *" (__nexus_words)" "
end`;
