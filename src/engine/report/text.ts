/** Text for the inside of an element or an attribute. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Four significant figures. */
export function figures(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return String(Number(value.toPrecision(4)))
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
