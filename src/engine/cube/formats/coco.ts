import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import * as v from 'valibot'
import type { ClassDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { fileSize } from '../bytes'
import type { CubeFormat } from '../cube'
import { classImageCube } from './class-image'
import type { Canvas } from './coco-outlines'
import { fillPolygon, fillRuns, runsOf } from './coco-outlines'

const LARGEST_FILE = 256 * 1024 * 1024

const id = v.union([v.number(), v.string()])
const whole = v.pipe(v.number(), v.integer(), v.minValue(1))
const runs = v.object({ counts: v.union([v.string(), v.array(v.number())]), size: v.tuple([v.number(), v.number()]) })
const document = v.object({
  images: v.array(v.object({ id, file_name: v.optional(v.string(), ''), width: whole, height: whole })),
  annotations: v.array(v.object({ image_id: id, category_id: v.pipe(v.number(), v.integer()), segmentation: v.optional(v.union([v.array(v.array(v.number())), runs])) })),
  categories: v.optional(v.array(v.object({ id: v.pipe(v.number(), v.integer()), name: v.optional(v.string()) })), []),
})
type Coco = v.InferOutput<typeof document>
type CocoImage = Coco['images'][number]

/**
 * Annotations in COCO JSON as a mask: polygons and runs of one image, later ones over earlier ones; class ids are the
 * category ids. The image is the one named after "#" (file name, with or without ending, or id), otherwise the only one
 * of the size of the cube.
 */
export const coco: CubeFormat = {
  name: 'COCO JSON',
  async recognises(path, head) {
    if (extname(path).toLowerCase() !== '.json') return false
    return /"(images|annotations|categories|licenses|info)"\s*:/.test(new TextDecoder().decode(head))
  },
  async open(path, options) {
    const found = await readDocument(path)
    const image = imageOf(found, options.variable ?? null, options.maskFor ?? null, path)
    const shift = found.categories.some((category) => category.id === 0) || found.annotations.some(({ category_id }) => category_id === 0) ? 1 : 0
    const warnings = shift ? ['The file counts its categories from 0, which stands for the background here; each class is its category plus 1.'] : []
    const classes: ClassDescription[] = found.categories.map((category) => ({ id: category.id + shift, name: category.name ?? null, colour: null }))
    const wrong = [...found.categories.map((category) => category.id), ...found.annotations.map(({ category_id }) => category_id)].find((one) => one + shift < 1 || one + shift > 255)
    if (wrong !== undefined) throw new CuvetteError('bad-mask', `The mask ${path} has the category ${wrong}; a mask holds classes from 1 to 255, so number the categories anew.`, { path, where: 'categories' })
    const { height: lines, width: samples } = image
    const draw = async (): Promise<Uint8Array> => drawn(found, image, shift, warnings, path)
    return classImageCube({ path, variable: options.variable ?? null, format: 'COCO', lines, samples, classes, warnings, draw }, false, options)
  },
}

async function readDocument(path: string): Promise<Coco> {
  const size = await fileSize(path)
  if (size > LARGEST_FILE) throw new CuvetteError('bad-mask', `${path} holds ${size} bytes, more than the ${LARGEST_FILE} of annotations that are read; export fewer images into one file.`, { path })
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CuvetteError('bad-data', `${path} is no complete JSON document; copy or export the annotations again.`, { path, cause: error })
  }
  const parsed = v.safeParse(document, content)
  if (parsed.success) return parsed.output
  const where = v.getDotPath(parsed.issues[0]) ?? 'the document'
  throw new CuvetteError('bad-mask', `${path} is not what COCO JSON looks like at ${where}; expected images with width and height, and annotations with image_id, category_id and segmentation.`, { path, where })
}

function imageOf({ images }: Coco, wanted: string | null, size: readonly [number, number] | null, path: string): CocoImage {
  const shown = (some: readonly CocoImage[]): string => some.slice(0, 8).map((image) => image.file_name || String(image.id)).join(', ') + (some.length > 8 ? ', ...' : '')
  if (wanted !== null) {
    const named = images.filter(({ file_name, id: number }) => [file_name, basename(file_name), basename(file_name, extname(file_name)), String(number)].includes(wanted))
    if (named.length === 1) return named[0]
    throw new CuvetteError('bad-mask', `${path} has ${named.length === 0 ? 'no image' : 'several images'} "${wanted}"; it describes ${shown(images) || 'none'}.`, { path, where: wanted })
  }
  const fitting = size ? images.filter(({ width, height }) => height === size[0] && width === size[1]) : images
  if (fitting.length === 1) return fitting[0]
  if (fitting.length === 0 && images.length === 1) return images[0]
  const problem = fitting.length > 1 ? `describes several images of that size (${shown(fitting)}); choose one by writing its name after "#"` : `describes no image of that size; it describes ${shown(images) || 'none'}`
  throw new CuvetteError('bad-mask', `${path} ${problem}.`, { path })
}

function drawn({ annotations }: Coco, image: CocoImage, shift: number, warnings: string[], path: string): Uint8Array {
  const canvas: Canvas = { lines: image.height, samples: image.width, values: new Uint8Array(image.height * image.width) }
  let without = 0
  annotations.forEach(({ image_id, category_id, segmentation }, at) => {
    if (image_id !== image.id) return
    const where = `annotations.${at}.segmentation`
    if (!segmentation || (Array.isArray(segmentation) && segmentation.length === 0)) without += 1
    else if (Array.isArray(segmentation)) {
      for (const points of segmentation) {
        if (points.length < 6 || points.length % 2 === 1) throw new CuvetteError('bad-mask', `${path}: a polygon of ${where} has ${points.length} numbers; expected x and y of at least three corners.`, { path, where })
        fillPolygon(canvas, points, category_id + shift)
      }
    } else {
      const counts = typeof segmentation.counts === 'string' ? runsOf(segmentation.counts) : segmentation.counts
      const fits = segmentation.size[0] === canvas.lines && segmentation.size[1] === canvas.samples
      if (!fits || !fillRuns(canvas, counts, category_id + shift)) throw new CuvetteError('bad-mask', `${path}: the runs of ${where} do not cover ${canvas.lines} x ${canvas.samples} pixels; export the annotations again.`, { path, where })
    }
  })
  if (without > 0) warnings.push(`${without} ${without === 1 ? 'annotation has' : 'annotations have'} no outline and ${without === 1 ? 'is' : 'are'} left out.`)
  return canvas.values
}
