// Many trainings and their evaluations; and single ones as data.

export { type OutOfFoldOptions, predictOutOfFold } from './out-of-fold.ts';
export { checkRecipe, type Recipe, type RecipeName, readRecipe, recipeNames, recipeSchema } from './recipe.ts';
