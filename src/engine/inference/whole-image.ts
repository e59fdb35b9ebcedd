import type { Cube } from '../cube'

/** Bytes of a cube as an image of float32. */
export function imageBytes({ description: { shape: [lines, samples, bands] } }: Pick<Cube, 'description'>): number {
  return 4 * lines * samples * bands
}

/** "17 MB" */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MB`
}
