// Search spaces: a recipe in which a value may be a distribution, a choice among whole parts, or depend on a parameter before it.
// Not here: which values are tried (samplers.ts). Invariant: a space that was read makes recipes that the schema of recipes takes.
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, randomStreams } from '../core/philox.ts';
import { platform } from '../platform/index.ts';
import { checkFitSettings, type FitSettings } from '../training/index.ts';
import { type Distribution, type ParameterValue, valueAt } from './parameter.ts';
import { type Recipe, recipeSchema } from './recipe.ts';

/** A parameter of a space. */
export interface Parameter {
  /** Its path in the file, with the label of an option in place of its position: `optimizer.sgd.learningRate`. */
  readonly name: string;
  readonly distribution: Distribution;
}

/** The values of one trial, in the order in which they were chosen. */
export type Assignment = Readonly<Record<string, ParameterValue>>;

/** A recipe of the space, and what was chosen to make it. */
export interface Point {
  readonly recipe: Recipe;
  readonly parameters: Assignment;
}

export interface SearchSpace {
  /** All parameters, in the order of the file; not all of them are in every recipe. */
  readonly parameters: readonly Parameter[];
  /** The file, as it was. */
  readonly source: unknown;
  /** Asks for a value of each parameter that the recipe needs, in order. */
  resolve(choose: (parameter: Parameter) => ParameterValue): Point;
}

type Node =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'record'; readonly entries: readonly (readonly [string, Node])[] }
  | { readonly kind: 'number'; readonly parameter: Parameter }
  | { readonly kind: 'choice'; readonly parameter: Parameter; readonly options: readonly Node[] }
  | { readonly kind: 'when'; readonly conditions: Conditions; readonly value: Node; readonly otherwise: Node };

type Conditions = readonly (readonly [name: string, values: readonly ParameterValue[]])[];

const number = v.pipe(v.number(), v.finite());
const whole = v.pipe(v.number(), v.safeInteger());
const ordered = <T extends readonly number[]>() =>
  v.check<T, string>(
    ([low, high]) => low! <= high! && Number.isFinite(high! - low!),
    'low <= high, less than 1.8e308 apart',
  );
const scalar = v.union([v.string(), v.number(), v.boolean(), v.null()]);

/** Schemas of what stands in place of a value. */
const forms = {
  uniform: v.strictObject({ uniform: v.pipe(v.strictTuple([number, number]), ordered()) }),
  log: v.strictObject({ log: v.pipe(v.strictTuple([v.pipe(number, v.gtValue(0)), number]), ordered()) }),
  integer: v.strictObject({
    integer: v.pipe(
      v.union([v.strictTuple([whole, whole]), v.strictTuple([whole, whole, v.pipe(whole, v.minValue(1))])]),
      ordered(),
    ),
  }),
  choice: v.strictObject({ choice: v.pipe(v.array(v.unknown()), v.minLength(1)) }),
  when: v.strictObject({
    when: v.record(v.string(), v.union([scalar, v.pipe(v.array(scalar), v.minLength(1))])),
    value: v.unknown(),
    otherwise: v.exactOptional(v.unknown()),
  }),
} as const;
type Form = keyof typeof forms;

/** Draws that are tried before the first training, beside the ends of every parameter. */
const TRIED_DRAWS = 200;

/**
 * Reads what a file of a search space holds.
 *
 * @param value A recipe in which values may be `{ "uniform": [low, high] }`, `{ "log": [low, high] }`, `{ "integer": [low, high, step] }`,
 *   `{ "choice": [a, b, …] }` or `{ "when": { "name": value }, "value": a, "otherwise": b }`
 * @param name Of the file, for messages
 * @throws SelvedgeError `space/bad`, naming the field, what was expected and what was found
 * @example
 * ```ts
 * import { checkSearchSpace, readRecipe } from 'selvedge';
 * const { recipe } = await readRecipe('record-30', '.');
 * const space = checkSearchSpace({ ...recipe, validation: true, labelSmoothing: { uniform: [0, 0.2] } }, 'mine.json');
 * console.assert(space.parameters[0]?.name === 'labelSmoothing');
 * ```
 */
export function checkSearchSpace(value: unknown, name: string): SearchSpace {
  const parameters: Parameter[] = [];
  const fail = (path: string, message: string): never => {
    throw new SelvedgeError('space/bad', `Cannot tune over "${name}": ${path || 'the whole'}: ${message}`);
  };
  const root = createParser(parameters, fail)(value, '', '');
  if (parameters.length === 0) fail('', 'expected a parameter to search, such as { "log": [0.001, 0.1] }, got none');
  const space: SearchSpace = { parameters, source: value, resolve: (choose) => resolvePoint(root, choose) };
  for (const choose of trials(parameters)) checkPoint(space.resolve(choose), fail);
  return space;
}

/**
 * Reads a file of a search space.
 *
 * @throws SelvedgeError `space/unknown`, `space/bad`
 */
export async function readSearchSpace(
  path: string,
  folder: string,
): Promise<{ readonly name: string; readonly space: SearchSpace }> {
  const file = platform.files.resolve(folder, path);
  const status = await platform.files.status(file);
  if (!status || status.isFolder)
    throw new SelvedgeError(
      'space/unknown',
      `Cannot tune over "${path}": expected a JSON file, got ${status ? 'a folder' : 'nothing'}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(await platform.files.readText(file));
  } catch (error) {
    throw new SelvedgeError('space/bad', `Cannot tune over "${path}": it is no JSON (${String(error)})`, {
      cause: error,
    });
  }
  const name = path.replace(/^.*[\\/]/, '').replace(/\.json$/, '');
  return { name, space: checkSearchSpace(value, path) };
}

type Fail = (path: string, message: string) => never;

function createParser(parameters: Parameter[], fail: Fail) {
  const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

  function add(name: string, path: string, distribution: Distribution): Parameter {
    if (parameters.some((other) => other.name === name))
      fail(path, `expected options that differ by name, got two of "${name}"`);
    const parameter = { name, distribution };
    parameters.push(parameter);
    return parameter;
  }

  function parseForm<F extends Form>(form: F, value: unknown, path: string): v.InferOutput<(typeof forms)[F]> {
    const result = v.safeParse(forms[form], value);
    if (result.success) return result.output as v.InferOutput<(typeof forms)[F]>;
    const issue = result.issues[0]!;
    const where = [path, v.getDotPath(issue)].filter(Boolean).join('.');
    return fail(where, `expected ${issue.expected ?? issue.message}, got ${issue.received}`);
  }

  function parseNode(value: unknown, path: string, name: string): Node {
    const inside = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`);
    const named = (key: string | number): string => (name === '' ? String(key) : `${name}.${key}`);
    if (Array.isArray(value))
      return { kind: 'list', items: value.map((item, i) => parseNode(item, inside(i), named(i))) };
    if (!isRecord(value)) return { kind: 'value', value };
    const form = (Object.keys(forms) as Form[]).find((key) => Object.hasOwn(value, key));
    switch (form) {
      case undefined:
        return {
          kind: 'record',
          entries: Object.entries(value).map(([key, item]) => [key, parseNode(item, inside(key), named(key))] as const),
        };
      case 'uniform':
      case 'log': {
        const [low, high] = (parseForm(form, value, path) as { [key in 'uniform' | 'log']: [number, number] })[form];
        return { kind: 'number', parameter: add(name, path, { kind: 'float', low, high, log: form === 'log' }) };
      }
      case 'integer': {
        const [low, high, step = 1] = parseForm(form, value, path).integer;
        return { kind: 'number', parameter: add(name, path, { kind: 'integer', low, high, log: false, step }) };
      }
      case 'choice': {
        const { choice } = parseForm(form, value, path);
        const choices = labelsOf(choice);
        const twice = choices.find((label, i) => choices.indexOf(label) !== i);
        if (twice !== undefined) fail(inside('choice'), `expected options that differ, got "${twice}" twice`);
        const parameter = add(name, path, { kind: 'choice', choices });
        const options = choice.map((option, i) => parseNode(option, inside(`choice.${i}`), named(String(choices[i]))));
        return { kind: 'choice', parameter, options };
      }
      case 'when': {
        const { when, value: chosen, otherwise = null } = parseForm(form, value, path);
        return {
          kind: 'when',
          conditions: Object.entries(when).map(
            ([key, wanted]) => [key, valuesOf(key, wanted, inside('when'))] as const,
          ),
          value: parseNode(chosen, inside('value'), name),
          otherwise: parseNode(otherwise, inside('otherwise'), named('otherwise')),
        };
      }
    }
  }

  function valuesOf(name: string, wanted: ParameterValue | ParameterValue[], path: string): ParameterValue[] {
    const known = parameters.find((parameter) => parameter.name === name);
    if (!known) {
      const names = parameters.map((parameter) => parameter.name).join(', ') || 'none is';
      return fail(path, `expected a parameter that stands before it (${names}), got "${name}"`);
    }
    const values = Array.isArray(wanted) ? wanted : [wanted];
    const { distribution } = known;
    for (const value of values) {
      const isPossible =
        distribution.kind === 'choice' ? distribution.choices.includes(value) : isWithin(distribution, value);
      if (isPossible) continue;
      const possible =
        distribution.kind === 'choice'
          ? distribution.choices.join(', ')
          : `${distribution.low} to ${distribution.high}`;
      fail(`${path}.${name}`, `expected a value of that parameter (${possible}), got ${JSON.stringify(value)}`);
    }
    return values;
  }

  return parseNode;
}

const isWithin = ({ low, high }: { readonly low: number; readonly high: number }, value: ParameterValue): boolean =>
  typeof value === 'number' && value >= low && value <= high;

/**
 * What options are called: scalars are their own names, parts of a recipe go by `name` or `family`, or else by their fields, and anything
 * else by its text.
 */
function labelsOf(options: readonly unknown[]): ParameterValue[] {
  const labels = options.map((option) => {
    if (option === null || ['string', 'number', 'boolean'].includes(typeof option)) return option as ParameterValue;
    if (Array.isArray(option)) return JSON.stringify(option);
    const { name, family } = option as { name?: unknown; family?: unknown };
    const given = [name, family].find((label) => typeof label === 'string');
    return (given as string | undefined) ?? Object.keys(option as object).join('+');
  });
  return labels.map((label, i) => {
    const isShared = labels.some((other, j) => other === label && i !== j);
    const isNamed = ['name', 'family'].some((key) => Object.hasOwn(Object(options[i]), key));
    return isShared && !isNamed && typeof options[i] === 'object' ? JSON.stringify(options[i]) : label;
  });
}

function resolvePoint(root: Node, choose: (parameter: Parameter) => ParameterValue): Point {
  const parameters: Record<string, ParameterValue> = {};
  const pick = (parameter: Parameter): ParameterValue => {
    const value = choose(parameter);
    parameters[parameter.name] = value;
    return value;
  };
  /** Null leaves the field, or the item, out. */
  const build = (node: Node): unknown => {
    switch (node.kind) {
      case 'value':
        return node.value;
      case 'list':
        return node.items.map(build).filter((item) => item !== null);
      case 'record':
        return Object.fromEntries(
          node.entries.map(([key, item]) => [key, build(item)] as const).filter(([, item]) => item !== null),
        );
      case 'number':
        return pick(node.parameter);
      case 'choice': {
        const { distribution } = node.parameter as Parameter & { distribution: { kind: 'choice' } };
        return build(node.options[distribution.choices.indexOf(pick(node.parameter))]!);
      }
      case 'when': {
        const holds = node.conditions.every(
          ([name, values]) => Object.hasOwn(parameters, name) && values.includes(parameters[name]!),
        );
        return build(holds ? node.value : node.otherwise);
      }
    }
  };
  const recipe = build(root) as Recipe;
  return { recipe, parameters };
}

/** Ways to choose that reach the ends of every parameter, and draws from between them. */
function* trials(parameters: readonly Parameter[]): Generator<(parameter: Parameter) => ParameterValue> {
  for (let draw = 0; draw < TRIED_DRAWS; draw++) {
    const draws = createPhilox({ seed: 0, stream: randomStreams.tuning, substream: [draw] });
    yield ({ distribution }) => valueAt(distribution, draws.nextUniform());
  }
  for (const place of [0, 1]) {
    yield ({ distribution }) => valueAt(distribution, place);
    for (const end of parameters) {
      const draws = createPhilox({ seed: 1, stream: randomStreams.tuning, substream: [0] });
      yield (parameter) => valueAt(parameter.distribution, parameter === end ? place : draws.nextUniform());
    }
  }
}

function checkPoint({ recipe, parameters }: Point, fail: Fail): void {
  const result = v.safeParse(recipeSchema, recipe);
  if (!result.success) {
    const issue = result.issues[0]!;
    fail(
      v.getDotPath(issue) ?? '',
      `expected ${issue.expected ?? issue.message}, got ${issue.received}${withValues(parameters)}`,
    );
  }
  if (!recipe.validation) fail('validation', 'expected true, since trials are compared on the validation images');
  if (recipe.preprocessing !== undefined) {
    fail('preprocessing', `expected none, since trials take images as they are, got "${recipe.preprocessing}"`);
  }
  if (recipe.distillation !== undefined) fail('distillation', 'expected none, since trials have no teacher');
  const { network: _, validation: __, augmentation: ___, ...settings } = recipe;
  try {
    checkFitSettings({ ...settings, seed: 0 } as FitSettings);
  } catch (error) {
    fail('', `${(error as Error).message.replace(/^Cannot train with/, 'cannot train with')}${withValues(parameters)}`);
  }
}

const withValues = (parameters: Assignment): string => {
  const text = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  return ` (where ${text.slice(0, 6).join(', ')}${text.length > 6 ? ', …' : ''})`;
};
