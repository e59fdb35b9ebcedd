export type Colour = readonly [red: number, green: number, blue: number]

/** A picture under work: red, green and blue bytes, [height, width, 3]. */
export interface Canvas {
  width: number
  height: number
  data: Uint8Array
}

export const WHITE: Colour = [255, 255, 255]
export const INK: Colour = [38, 43, 49]

export function blankCanvas(width: number, height: number, colour: Colour): Canvas {
  const canvas = { width, height, data: new Uint8Array(width * height * 3) }
  fillBox(canvas, 0, 0, width, height, colour)
  return canvas
}

/** Fills the part of a box that lies inside. */
export function fillBox({ width, height, data }: Canvas, x: number, y: number, across: number, down: number, colour: Colour): void {
  for (let row = Math.max(0, y); row < Math.min(height, y + down); row += 1) {
    for (let column = Math.max(0, x); column < Math.min(width, x + across); column += 1) data.set(colour, (row * width + column) * 3)
  }
}

/** Copies a whole picture to a place inside. */
export function place(onto: Canvas, picture: Canvas, x: number, y: number): void {
  for (let row = 0; row < picture.height; row += 1) {
    onto.data.set(picture.data.subarray(row * picture.width * 3, (row + 1) * picture.width * 3), ((y + row) * onto.width + x) * 3)
  }
}
