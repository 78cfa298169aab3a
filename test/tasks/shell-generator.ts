// Random command lines for the shell of tasks: the same seed gives the same line. Every form that shells know is drawn, those that Deno's
// refuses among them. Not here: how lines run (shell-folders.ts). Invariant: no line can change anything outside of the folder it runs in:
// `rm` and `mv` get names of fixed lists, and nothing is made of `/`.

/** Numbers from a seed (mulberry32), and what is drawn by them. */
class Draw {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
  /** One of the ways, as often as its weight says. */
  weighted<Way>(ways: readonly (readonly [weight: number, way: Way])[]): Way {
    let left = this.below(ways.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, way] of ways) {
      left -= weight;
      if (left < 0) return way;
    }
    throw new Error('Unreachable');
  }
  some(least: number, most: number, make: () => string, between = ' '): string {
    return Array.from({ length: least + this.below(most - least + 1) }, make).join(between);
  }
}

const words = (text: string): readonly string[] => text.split(' ');
const PLAIN = words('a b ab.txt ac.txt sub f g x 1 2 0 007 -n -x -- a=b é in done a,b a:b @ % ^ + =');
const PATHS = words('ab.txt ac.txt sub sub/x.ts sub/deep nope f g new nope/f .hid ./ab.txt sub/../ab.txt');
const NAMES = words('A B V HOME NOPE A1 _');
const PATTERNS = words(
  '* *.txt a?.txt a[bc].txt a[!b].txt a[b-c]* [ab]* sub/* sub/*/* ** **/*.ts nope* .h* *.TXT b[[]1].md ?? [a a[ ***',
);
const REMOVED = words('ab.txt ac.txt sub f new nope a[b-c].txt *.txt -r -f -rf -d -R');
const ODD = words(
  'toString constructor __proto__ valueOf hasOwnProperty nope ./nope ./ab.txt sub !x = [ ~x {} } { . then if fi',
);
const SIGNS = [...' \'"$&();<>|~{}*?[]\\!#=`,.-@1a\n\t'];
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own sign.
const BEHIND = words('$? $V $A $NOPE $1 $_ $HOME $@ $- $! $# $$ $* ${V} ${V:-d} $ $V$A $((1+2)) $((2*3))');

/** A script for a seed. */
export function scriptOfSeed(seed: number): string {
  const draw = new Draw(seed);
  const script = draw.some(1, 3, () => new Lines(draw).list(3), draw.of(['; ', ' && ', '\n', ' ; ', ' || ']));
  const mutated = draw.chance(12) && !/\b(?:rm|mv|cp)\b/.test(script) ? mutate(script, draw) : script;
  // What reads gets an input of its own: that of the process around it is not the line's. Ours feeds a program that does not read,
  // too (docs/tasks.md): beside one there is nothing to read.
  const reads = /cat|head|xargs|sh|wc|tr|sort/.test(mutated);
  const input = /sh|printf|which|wc|tr|sort/.test(mutated) ? ':' : "printf 'in1\\nin2\\n'";
  return reads || draw.chance(30) ? `${input} | (${mutated}\n)` : mutated;
}

/** Whether what comes of a line may hang on who is first: parts beside each other, of which one writes files. */
export function mayRace(script: string): boolean {
  const line = script.replace(/^(?::|printf '[^']*') \| /, '');
  if (/[^&|>]&(?![&>\d])/.test(line)) return true;
  return /[^|]\|&?[^|]/.test(line) && />[^&]|\b(?:rm|mv|cp|mkdir)\b/.test(line);
}

function mutate(script: string, draw: Draw): string {
  const at = draw.below(script.length + 1);
  const rest = script.slice(at + draw.below(2));
  return script.slice(0, at) + (draw.chance(70) ? draw.of(SIGNS) : '') + rest;
}

class Lines {
  readonly draw: Draw;
  constructor(draw: Draw) {
    this.draw = draw;
  }

  list(depth: number): string {
    const { draw } = this;
    const sign = (): string =>
      draw.weighted([
        [50, '; '],
        [25, ' && '],
        [25, ' || '],
        [4, '\n'],
        [2, ' ;; '],
        [2, ';'],
        [1, ' '],
        [1, ' & '],
      ]);
    let text = this.sequence(depth);
    while (draw.chance(35)) text += sign() + this.sequence(depth);
    return text + (draw.chance(3) ? draw.of([';', ' # c', '#c', ' ; ', ' &&', '\n']) : '');
  }

  private sequence(depth: number): string {
    const { draw } = this;
    const make = draw.weighted<() => string>([
      [70, () => this.pipeline(depth)],
      [10, () => `${draw.of(NAMES)}=${this.value(depth)}`],
      [2, () => `${draw.of(NAMES)}=${this.word(depth)} ${draw.of(NAMES)}=${this.word(depth)}`],
      [10, () => `${draw.of(['true', 'false', ':', 'sh -c "exit 3"'])}`],
      [5, () => `echo $?`],
    ]);
    return make();
  }

  private pipeline(depth: number): string {
    const { draw } = this;
    const negation = draw.weighted([
      [80, ''],
      [8, '! '],
      [1, '!'],
      [1, '! ! '],
    ]);
    let text = negation + this.command(depth);
    while (draw.chance(22))
      text +=
        draw.weighted([
          [80, ' | '],
          [10, '|'],
          [2, ' |& '],
        ]) + this.reader(depth);
    return text;
  }

  /** What may stand behind a `|`. */
  private reader(depth: number): string {
    const { draw } = this;
    return (
      draw.weighted<() => string>([
        [30, () => 'cat'],
        [5, () => `cat - ${draw.of(PATHS)}`],
        [10, () => `head -n ${draw.below(3)}`],
        [8, () => `xargs ${draw.of(['echo', 'echo a', '', '-n 1 echo', '-I {} echo x{}', '-0 echo'])}`],
        [8, () => draw.of(['tr a-z A-Z', 'sort', 'sh -c "cat; exit 2"'])],
        [12, () => this.command(depth)],
      ])() + (draw.chance(12) ? ` ${this.redirect(depth)}` : '')
    );
  }

  private command(depth: number): string {
    const { draw } = this;
    if (depth > 0 && draw.chance(14)) {
      const inner = this.list(depth - 1);
      const group = draw.weighted([
        [70, `(${inner})`],
        [10, `( ${inner} )`],
        [10, `{ ${inner}; }`],
        [3, `(${inner}`],
      ]);
      return group + (draw.chance(25) ? ` ${this.redirect(depth - 1)}` : '');
    }
    const before = draw.chance(8) ? `${draw.of(NAMES)}=${this.value(depth)} ` : '';
    const text = before + this.simple(depth);
    const around = draw.weighted([
      [74, 0],
      [22, 1],
      [4, 2],
    ]);
    return (
      text +
      ` ${this.redirect(depth)}`.repeat(0) +
      Array.from({ length: around }, () => ` ${this.redirect(depth)}`).join('')
    );
  }

  private simple(depth: number): string {
    const { draw } = this;
    const name = (): string => draw.of(NAMES);
    const path = (): string => (draw.chance(85) ? draw.of(PATHS) : this.word(0));
    return draw.weighted<() => string>([
      [46, () => `echo ${draw.some(0, 4, () => this.word(depth))}`],
      [8, () => `cat ${draw.some(0, 2, path)}`],
      [3, () => `head ${draw.of(['', '-n 1', '-n1', '-1', '--lines=1', '-n x', '-c 3', '-n 0'])} ${draw.of(PATHS)}`],
      [5, () => `export ${draw.some(0, 2, () => draw.of([`${name()}=${this.value(0)}`, name(), this.word(0)]))}`],
      [3, () => `unset ${draw.some(0, 2, () => draw.of([name(), '-v', '-f', this.word(0)]))}`],
      [
        3,
        () =>
          `set ${draw.of(['-o pipefail', '+o pipefail', '-e', '+e', '-o', '-x', '', '-euo pipefail', '-o errexit'])}`,
      ],
      [
        3,
        () =>
          `shopt ${draw.of(['-s nullglob', '-s failglob', '-u globstar', '-s globstar', '', 'nullglob', '-s nope', '-q'])}`,
      ],
      [4, () => `cd ${draw.of(['sub', 'sub/deep', '..', '.', 'nope', 'ab.txt', '-', '', 'sub x', '"sub"'])}`],
      [3, () => `pwd${draw.of(['', ' -L', ' -P', ' x', ' -x'])}`],
      [6, () => `test ${this.condition(depth)}`],
      [2, () => `[ ${this.condition(depth)} ]`],
      [
        4,
        () =>
          `mkdir ${draw.some(0, 2, () => draw.of(['new', 'new/er', '-p', 'sub', 'f', 'ab.txt', '-p new/er', '-x']))}`,
      ],
      [4, () => `rm ${draw.some(0, 3, () => draw.of(REMOVED))}`],
      [
        3,
        () => `cp ${draw.some(0, 3, () => draw.of(['ab.txt', 'ac.txt', 'sub', 'f', 'new', '-r', 'nope', 'sub/deep']))}`,
      ],
      [3, () => `mv ${draw.some(0, 3, () => draw.of(['ab.txt', 'ac.txt', 'sub', 'f', 'new', 'nope', 'sub/deep']))}`],
      [3, () => `exit ${draw.of(['', '0', '1', '7', '256', '-1', 'x', '1 2', '$?'])}`],
      [2, () => `sleep ${draw.of(['0', '0.01', '', 'x', '0s', '0.01s', '0m', '0 0', '-1'])}`],
      [4, () => `xargs ${draw.of(['', 'echo', '-n 1 echo', 'echo a', '-d x echo'])}`],
      [3, () => `which ${draw.of(['nope', '__proto__', 'toString'])}`],
      [6, () => draw.of(ODD) + draw.of(['', ' a'])],
      [5, () => `printf '${draw.of(['%s,', '<%s>', '%s\\n'])}' ${draw.some(0, 3, () => this.word(depth))}`],
      [
        5,
        () =>
          `sh -c '${draw.of(['echo o; echo e >&2', 'echo e >&2', 'exit 4', 'echo $A$V', 'pwd', 'printf "a\\n b  c\\n"'])}'`,
      ],
      [2, () => `${this.word(depth)} ${this.word(depth)}`],
      [
        1,
        () =>
          draw.of([
            'if true; then echo a; fi',
            'for i in a b; do echo $i; done',
            'while false; do echo; done',
            'case a in a) ;; esac',
          ]),
      ],
      [
        1,
        () =>
          draw.of([
            'f() { echo a; }',
            'function f { echo; }',
            '[[ a = a ]]',
            '((1))',
            'let a',
            'eval echo a',
            'source f',
            'alias',
          ]),
      ],
    ])();
  }

  private condition(depth: number): string {
    const { draw } = this;
    const unary = (): string =>
      `${draw.of(words('-e -f -d -s -n -z -r -x -L'))} ${draw.chance(80) ? draw.of(PATHS) : this.word(depth)}`;
    const operator = (): string => draw.of(words('= != == -eq -ne -lt -le -gt -ge -nt -a'));
    return (
      (draw.chance(15) ? '! ' : '') +
      draw.weighted<() => string>([
        [40, unary],
        [40, () => `${this.word(depth)} ${operator()} ${this.word(depth)}`],
        [20, () => `${draw.below(12) - 2} ${operator()} ${draw.below(12) - 2}`],
        [10, () => draw.some(0, 5, () => this.word(0))],
      ])()
    );
  }

  private redirect(depth: number): string {
    const { draw } = this;
    const file = draw.chance(80)
      ? draw.of(['f', 'g', 'f', 'ab.txt', 'sub', 'nope/f', '"$V"', '/dev/null', 'sub/f', '.hid', '$A'])
      : draw.chance(50)
        ? draw.of(PATTERNS.filter((pattern) => !pattern.startsWith('/')))
        : this.word(Math.min(depth, 1)).replaceAll('/', '');
    const input = draw.chance(85)
      ? draw.of(['ab.txt', 'ac.txt', 'f', 'nope', 'sub', 'sub/x.ts', '/dev/null'])
      : this.word(0);
    return draw.weighted<() => string>([
      [30, () => `>${draw.of([' ', ''])}${file}`],
      [12, () => `>>${draw.of([' ', ''])}${file}`],
      [18, () => `<${draw.of([' ', ''])}${input}`],
      [10, () => `2>${draw.of([' ', ''])}${file}`],
      [3, () => `1>${file}`],
      [2, () => `2>>${file}`],
      [3, () => '2>&1'],
      [5, () => draw.of(['1>&2', '>&2', '>&1', '>&3', '3>&1', '2>&-', '0<&1', '<&0', '3>f', '0<ab.txt', '&>&1'])],
      [4, () => `&>${file}`],
      [2, () => `&>>${file}`],
      [3, () => `>|${draw.of([' ', ''])}${file}`],
      [2, () => `<<<${draw.of([' ', ''])}${input}`],
      [1, () => '<< E\na\nE'],
      [1, () => `<>${file}`],
      [1, () => `> ${file} x`],
    ])();
  }

  /** Behind a `=`. */
  private value(depth: number): string {
    return this.draw.chance(10) ? '' : this.word(depth);
  }

  word(depth: number): string {
    const { draw } = this;
    return draw.some(
      1,
      draw.weighted([
        [65, 1],
        [25, 2],
        [10, 3],
      ]),
      () => this.piece(depth),
      '',
    );
  }

  private piece(depth: number): string {
    const { draw } = this;
    const bare = (): string => draw.of(PLAIN);
    return draw.weighted<() => string>([
      [30, bare],
      [8, () => `'${draw.of(['a b', '', '*', '$V', 'a"b', '\\', 'x  y', '~', '{a,b}', '`'])}'`],
      [14, () => `"${draw.some(0, 3, () => this.inQuotes(depth), draw.of(['', ' ']))}"`],
      [14, () => draw.of(BEHIND)],
      [8, () => draw.of(PATTERNS)],
      [4, () => `\\${draw.of([...' a$"\'\\`*?(){}~&|;<>!#n['])}`],
      [
        4,
        () =>
          draw.of([
            '{a,b}',
            '{1..3}',
            '{a..c}',
            '{a}',
            '{}',
            '{,b}',
            '{a,{b,c}}',
            '{3..1..2}',
            '{a b}',
            '{a,"x y"}',
            '{$V,b}',
            '{a,*.txt}',
          ]),
      ],
      [3, () => draw.of(['~', '~/a', '~x', 'a~', '~+', '"~"', '~:a'])],
      [3, () => draw.of(['#', 'a#b', '!', 'a!b', '=a', '!a', '-', '%', ','])],
      [6, () => (depth > 0 ? this.substitution(depth - 1) : bare())],
    ])();
  }

  private inQuotes(depth: number): string {
    const { draw } = this;
    return draw.weighted<() => string>([
      [30, () => draw.of(PLAIN)],
      [20, () => draw.of(BEHIND)],
      [8, () => `\\${draw.of([...' a$"\'\\`*()~n'])}`],
      [10, () => draw.of(["'", '*', '~', '{a,b}', '  ', '#', '(', ')', ';', '&', '|', '<', '!'])],
      [8, () => (depth > 0 ? this.substitution(depth - 1) : 'q')],
    ])();
  }

  private substitution(depth: number): string {
    const { draw } = this;
    const inner = draw.chance(40)
      ? draw.of(['echo a b', 'printf "a\\n b  c\\n"', 'cat ab.txt', 'exit 3', 'echo "*"', ''])
      : this.list(depth);
    return draw.chance(70) ? `$(${inner})` : `\`${inner.replaceAll('`', '\\`')}\``;
  }
}
