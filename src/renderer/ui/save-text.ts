/** Offers a text as a file, where the browser or the system puts downloads. */
export function saveText(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has begun with the click; its content is read a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
