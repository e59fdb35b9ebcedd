import type { Regions } from './measure'
import { traceRegion, withoutHoles } from './trace'

export interface CocoSource {
  /** Name of the image that the regions lie in. */
  fileName: string
  /** What made them, in one sentence. */
  description: string
  category: string
}

/**
 * Regions as a COCO dataset with one image and one category, in pieces of text so that many regions need not be held as
 * one. Polygons run along the sides of pixels, holes joined by cuts of no width; `area` counts pixels; `bbox` is x, y,
 * width, height. `score` (largest) and `mean_score` are beside what the format asks for. (COCO data format, object detection.)
 */
export function* cocoText(found: Regions, { fileName, description, category }: CocoSource): Generator<string> {
  const head = {
    info: { description, version: '1.0' },
    licenses: [],
    images: [{ id: 1, file_name: fileName, width: found.samples, height: found.lines }],
    categories: [{ id: 1, name: category, supercategory: 'detection' }],
  }
  yield `${JSON.stringify(head, null, 1).slice(0, -2)},\n "annotations": [`
  for (const [index, region] of found.regions.entries()) {
    const { id, area, window, largestScore, meanScore } = region
    yield `${index === 0 ? '' : ','}\n  ${JSON.stringify({
      id, image_id: 1, category_id: 1, iscrowd: 0, area,
      bbox: [window.sample, window.line, window.samples, window.lines],
      segmentation: [withoutHoles(traceRegion(found, region))],
      score: largestScore, mean_score: meanScore,
    })}`
  }
  yield `${found.regions.length === 0 ? '' : '\n '}]\n}\n`
}
