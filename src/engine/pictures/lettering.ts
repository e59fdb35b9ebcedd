import type { Canvas, Colour } from './canvas'
import { fillBox } from './canvas'

// Letters of 5 x 7 dots for legends: a handful of words and numbers do not ask for a font engine and a font file, and
// dots are the same on every machine, so pictures repeat byte for byte. Each character is seven rows of five dots, a row
// being one digit in base 32 with the left dot as the highest bit.

const GLYPHS: Readonly<Record<string, string>> = {
  0: 'ehjlphe', 1: '4c4444e', 2: 'eh1248v', 3: 'v2421he', 4: '26aiv22', 5: 'vgu11he', 6: '68guhhe', 7: 'v124888', 8: 'ehhehhe', 9: 'ehhf12c',
  A: 'ehhvhhh', B: 'uhhuhhu', C: 'ehggghe', D: 'sihhhis', E: 'vgguggv', F: 'vgguggg', G: 'ehgnhhf', H: 'hhhvhhh', I: 'e44444e', J: '72222ic', K: 'hikokih',
  L: 'ggggggv', M: 'hrllhhh', N: 'hhpljhh', O: 'ehhhhhe', P: 'uhhuggg', Q: 'ehhhlid', R: 'uhhukih', S: 'fgge11u', T: 'v444444', U: 'hhhhhhe', V: 'hhhhha4',
  W: 'hhhllla', X: 'hha4ahh', Y: 'hhha444', Z: 'v1248gv',
  a: '00e1fhf', b: 'ggmphhu', c: '00egghe', d: '11djhhf', e: '00ehvge', f: '698s888', g: '0fhhf1e', h: 'ggmphhh', i: '40c444e', j: '20622ic', k: 'ggikoki',
  l: 'c44444e', m: '00qllhh', n: '00mphhh', o: '00ehhhe', p: '00uhugg', q: '00djf11', r: '00mpggg', s: '00ege1u', t: '88s8896', u: '00hhhjd', v: '00hhha4',
  w: '00hhlla', x: '00ha4ah', y: '00hhf1e', z: '00v248v',
  ' ': '0000000', '.': '00000cc', ',': '0000c48', ':': '0cc0cc0', '-': '000v000', '+': '044v440', '=': '00v0v00', '%': 'op248j3', '/': '01248g0', '_': '000000v',
  '(': '2488842', ')': '8422248', '<': '248g842', '>': '8421248', '≥': '842480v',
}
const UNKNOWN = 'vhhhhhv'
const ROWS = 7
const DOTS = 5
/** Dots from one character to the next. */
const ADVANCE = 6

export function textWidth(text: string, scale: number): number {
  return text.length === 0 ? 0 : ([...text].length * ADVANCE - 1) * scale
}

export function textHeight(scale: number): number {
  return ROWS * scale
}

/** Writes one line of text with its upper left corner at (x, y); a dot is `scale` pixels wide. */
export function drawText(canvas: Canvas, text: string, x: number, y: number, scale: number, colour: Colour): void {
  for (const [index, character] of [...text].entries()) {
    const rows = (GLYPHS as Record<string, string | undefined>)[character] ?? UNKNOWN
    for (let row = 0; row < ROWS; row += 1) {
      const dots = Number.parseInt(rows[row], 32)
      for (let dot = 0; dot < DOTS; dot += 1) {
        if (dots & (1 << (DOTS - 1 - dot))) fillBox(canvas, x + (index * ADVANCE + dot) * scale, y + row * scale, scale, scale, colour)
      }
    }
  }
}
