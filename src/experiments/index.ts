// Many trainings and their evaluations; and single ones as data.

export {
  type Distribution,
  distributionText,
  type ParameterValue,
  placeOf,
  readDistribution,
  valueAt,
} from './parameter.ts';
export { checkRecipe, type Recipe, type RecipeName, readRecipe, recipeNames, recipeSchema } from './recipe.ts';
export {
  type Assignment,
  checkSearchSpace,
  type Parameter,
  type Point,
  readSearchSpace,
  type SearchSpace,
} from './search-space.ts';
