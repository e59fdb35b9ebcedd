import { envi } from './envi'
import { files } from './files'
import { gridded } from './gridded'
import { lan } from './lan'
import { matlab } from './matlab'
import { numpy } from './numpy'
import { png } from './png'
import type { Recipe } from './recipe'
import { tiff } from './tiff'

/** Every recipe by the name that entries call it. */
export const recipes: Record<string, Recipe> = { ...files, ...envi, ...gridded, ...lan, ...matlab, ...numpy, ...png, ...tiff }
