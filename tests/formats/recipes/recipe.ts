import * as v from 'valibot'

/** How the files of an entry are made: from its settings, always the same bytes, into an empty folder. */
export interface Recipe {
  /** Writes the files; answers what an entry opens unless it names something else, relative to the folder. */
  write(folder: string, settings: unknown): string
}

/** A recipe whose settings are checked: an unknown key in an entry is a mistake. */
export function recipe<S extends v.GenericSchema>(schema: S, write: (folder: string, settings: v.InferOutput<S>) => string): Recipe {
  return { write: (folder, settings) => write(folder, v.parse(schema, settings ?? {})) }
}
