// Random command lines in the language of `deno task`, the same for the same seed: words of every form of quoting and expansion, pipelines,
// lists, groups, redirections, assignments, and the commands that the shell has itself.
// Not here: running them. Invariant: a line touches nothing outside its folder, and ends by itself.
import { createPhilox, type Philox } from '../../src/core/philox.ts';

class Generator {
  readonly #draws: Philox;

  constructor(seed: number) {
    this.#draws = createPhilox({ seed, stream: 77 });
  }

  below(bound: number): number {
    return this.#draws.nextBelow(bound);
  }

  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  /** A list of commands, nested at most so deep. */
  list(depth: number): string {
    const parts = this.times(2, () => this.chain(depth));
    const last = parts.length > 1 && this.chance(10) ? ';' : '';
    return parts.join('; ') + last;
  }

  chain(depth: number): string {
    const count = this.chance(65) ? 1 : 2;
    let chain = this.pipeline(depth);
    for (let i = 1; i < count; i++) chain += ` ${this.pick(['&&', '||'])} ${this.pipeline(depth)}`;
    return chain;
  }

  pipeline(depth: number): string {
    const not = this.chance(8) ? '! ' : '';
    if (this.chance(75)) return not + this.command(depth, true);
    return not + [this.command(depth, false), this.command(depth, false)].join(this.chance(10) ? ' |& ' : ' | ');
  }

  /** `mayWrite`: nothing runs beside it that could read what it writes. */
  command(depth: number, mayWrite: boolean): string {
    if (depth > 0 && this.chance(14)) return `(${this.list(depth - 1)})${this.redirections(mayWrite)}`;
    const before = this.chance(12) ? `${this.assignment()} ` : '';
    const simple = this.simple(depth, mayWrite);
    return before + simple + (simple.includes(' < ') ? '' : this.redirections(mayWrite));
  }

  assignment(): string {
    return `${this.pick(['V', 'W', 'LONG_1'])}=${this.chance(15) ? '' : this.word(0)}`;
  }

  simple(depth: number, mayWrite: boolean): string {
    const words = (most: number): string => this.times(most, () => this.word(depth)).join(' ');
    const file = (): string =>
      this.pick(['ab.txt', 'ac.txt', 'new', 'sub', 'sub/x.ts', 'nope', '"sp ace"', 'made/deep']);
    switch (this.below(mayWrite ? 26 : 13)) {
      case 0:
        return this.pick(['true', 'false']);
      case 1:
        return `exit ${this.pick(['', '0', '1', '3', '255', '256', 'x'])}`.trim();
      case 2:
        return `cat ${this.pick(['', '-', 'ab.txt', 'ab.txt ac.txt', 'nope', 'ab.txt - ac.txt', 'sub'])}`.trim();
      case 3:
        return `head ${this.pick(['', '-n 1', '-1', '-n 1 ab.txt', '-n x'])}`.trim();
      case 4:
        return `xargs ${this.pick(['', 'echo', 'echo x', '-n 1 echo'])}`.trim();
      case 5:
        return this.pick(['toString', 'constructor', '__proto__', 'hasOwnProperty', 'nosuchcommand']);
      case 6:
        return `test ${this.test(depth)}`;
      case 7:
        // A program: it would take the input of what follows, here, and leaves it to that under deno.
        return `[ ${this.test(depth)} ] < ab.txt`;
      case 13:
        return `cd ${this.pick(['sub', 'sub/deep', '..', 'nope', '', '.'])}; echo $?`;
      case 14:
        return this.pick(['pwd', 'pwd; cd sub; pwd']);
      case 15:
        return `export ${this.assignment()}`;
      case 16:
        return `unset ${this.pick(['V', 'W', 'HOME', 'V W'])}`;
      case 17:
        return this.assignment();
      case 18:
        return `mkdir ${this.pick(['', '-p '])}${file()}`;
      case 19:
        return `rm ${this.pick(['', '-f ', '-r ', '-rf '])}${file()}`;
      case 20:
        return `cp ${this.pick(['', '-r '])}${file()} ${this.pick(['new', 'ab.txt', 'made/deep', 'nope'])}`;
      case 21:
        return `mv ${file()} ${file()}`;
      case 22:
        return `set ${this.pick(['-o pipefail', '+o pipefail'])}`;
      case 23:
        return `sh -c 'cat; echo out; exit ${this.below(4)}' < ${this.pick(['ab.txt', '/dev/null'])}`;
      default:
        return `echo ${words(4)}`;
    }
  }

  test(depth: number): string {
    return this.pick([
      () => `${this.word(depth)} ${this.pick(['=', '==', '!='])} ${this.word(depth)}`,
      () => `${this.below(5)} ${this.pick(['-eq', '-ne', '-lt', '-le', '-gt', '-ge'])} ${this.below(5)}`,
      () => `${this.pick(['-z', '-n', '-e', '-f', '-d'])} ${this.pick(['"$V"', '""', 'ab.txt', 'sub', 'nope'])}`,
      () => this.word(depth),
    ])();
  }

  /** Not here: what reorders or words messages of errors, which are not compared. */
  redirections(mayWrite: boolean): string {
    if (!this.chance(14)) return '';
    if (!mayWrite) return ' > /dev/null';
    return this.pick([
      ' > new',
      ' >> ab.txt',
      ' < ab.txt',
      ' >| new',
      ' > /dev/null',
      ' < nope',
      ' > "n w"',
      ' 2> /dev/null',
    ]);
  }

  /** Pieces that stick together. */
  word(depth: number): string {
    const count = this.chance(75) ? 1 : 2 + this.below(2);
    return Array.from({ length: count }, () => this.piece(depth)).join('');
  }

  piece(depth: number): string {
    if (depth > 0 && this.chance(8)) return this.substitution(depth - 1);
    return this.pick([
      ...['a', 'b2', 'x-y', 'k=v', '-n', '--', '1', '.', 'a,b', '%', '@', '+', ':', 'é'],
      ...['$V', '$W', '"$V"', "'$V'", '$?', '$HOME', '"$W"', '$NOPE', '"a $V b"'],
      ...['"two words"', "'single q'", '"esc \\" q"', "'d\"q'", '"s\'q"', '\\ ', '\\$V', 'a\\ b', '""', "''"],
      ...['*.txt', 'a?.txt', '*', 'sub/*', '*.nope', '[ab]*', '"*.txt"', '**/*.ts', 'a[b-c].txt', '\\*'],
      ...['{a,b}', 'x{1,2}y', '{a}', '{}', '"{a,b}"', '{1..3}'],
      ...['~', '~/x', 'a~', '"~"'],
    ]);
  }

  substitution(depth: number): string {
    const inner = this.chain(depth);
    const text = this.chance(80) || inner.includes('`') ? `$(${inner})` : `\`${inner}\``;
    return this.chance(40) ? `"${text}"` : text;
  }
}

/** The line of a seed. */
export const randomLine = (seed: number): string => new Generator(seed).list(1);
