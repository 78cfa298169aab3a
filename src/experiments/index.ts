// Many trainings and their evaluations; and single ones as data.

export { checkRecipe, type Recipe, type RecipeName, readRecipe, recipeNames, recipeSchema } from './recipe.ts';
