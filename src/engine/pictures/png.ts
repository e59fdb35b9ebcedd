import type { Canvas, Colour } from './canvas'

/** A picture as PNG, 8 bits of red, green and blue. `text`: keywords and Latin-1 texts that are kept inside. */
export async function pngOfCanvas({ width, height, data }: Canvas, text?: Record<string, string>): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  return encode({ width, height, data, channels: 3, depth: 8, ...(text && { text: plain(text) }) })
}

/** Classes [height, width] as PNG with a palette: the bytes are the class ids, so the file is a mask, too. */
export async function pngOfClasses(width: number, height: number, classes: Uint8Array, palette: readonly Colour[], text?: Record<string, string>): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  return encode({ width, height, data: classes, channels: 1, depth: 8, palette: palette.map((colour) => [...colour]), ...(text && { text: plain(text) }) })
}

/** What a text chunk may hold: Latin-1 without control characters. */
function plain(text: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(text).map(([keyword, words]) => [keyword, words.replace(/[^\x20-\x7e\xa1-\xff]/g, '?')]))
}
