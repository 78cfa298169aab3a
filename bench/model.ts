// The network that `--model` names: one of the study's, or that of a recipe that ships. Not trained.
import type * as tf from '@tensorflow/tfjs';
import { type RecipeName, readRecipe, recipeNames } from '../src/experiments/index.ts';
import { buildModel, buildNetwork, type ModelConfig } from '../src/models/index.ts';

/** Builds it; the caller disposes it. */
export async function buildBenchModel(name: string, config: ModelConfig): Promise<tf.LayersModel> {
  if (!recipeNames.includes(name as RecipeName)) return buildModel(name, config);
  const { recipe } = await readRecipe(name, '.');
  return buildNetwork(recipe.network, config);
}
