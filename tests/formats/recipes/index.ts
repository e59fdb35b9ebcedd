import { envi } from './envi'
import { files } from './files'
import { lan } from './lan'
import { numpy } from './numpy'
import { png } from './png'
import type { Recipe } from './recipe'

/** Every recipe by the name that entries call it. */
export const recipes: Record<string, Recipe> = { ...files, ...envi, ...numpy, ...lan, ...png }
