import type { DetectionMetrics } from '../../shared/metrics'
import { curveCharts, epochChart, histogramChart, lossChart, spectrumChart } from './charts'
import type { ReportContent, SceneContent } from './content'
import { pipelinePicture } from './pipeline-picture'
import { escaped, figures, whole } from './text'

/** More curves than these in one picture cannot be told apart. */
const MOST_CURVES = 4

/** The report as one HTML page: styles, curves and pictures inside, no script, nothing fetched. */
export async function reportPage(content: ReportContent): Promise<string> {
  const { trained: { record, pipeline }, folder, notes } = content
  const sections = [
    summary(content),
    section('Data', data(content)),
    section('Pipeline', `<div class="wide">${pipelinePicture(pipeline)}</div>${parameters(content)}`),
    await bands(content),
    await training(content),
    ...(await Promise.all(content.scenes.map(scene))),
    confusion(record.metrics),
    section('Provenance', provenance(content)),
  ].filter((text) => text !== '')
  const told = [...record.warnings, ...notes]
  const remarks = told.length === 0 ? '' : section('Remarks', `<ul>${told.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="Cuvette ${escaped(record.cuvette)}">
<title>${escaped(pipeline.name)} – training report</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escaped(pipeline.name)}</h1><p>Trained pipeline, ${escaped(dateOf(record.created))} · ${escaped(folder)}</p></header>
${sections.join('\n')}
${remarks}
</body>
</html>
`
}

function section(title: string, body: string): string {
  return `<section><h2>${escaped(title)}</h2>${body}</section>`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string): string => `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table>${head.length > 0 ? `<thead>${cells(head, 'th')}</thead>` : ''}<tbody>${rows.map((row) => cells(row, 'td')).join('')}</tbody></table>`
}

function figure(picture: string, caption: string): string {
  return `<figure>${picture}<figcaption>${escaped(caption)}</figcaption></figure>`
}

function summary({ trained: { record } }: ReportContent): string {
  const { metrics, test } = record
  const facts: [string, string][] = [
    ['Average precision', figures(metrics?.averagePrecision)], ['AUC', figures(metrics?.auc)], ['Precision', figures(metrics?.precision)],
    ['Recall', figures(metrics?.recall)], ['F1', figures(metrics?.f1)], ['IoU', figures(metrics?.iou)], ['Threshold', figures(record.chosenThreshold ?? metrics?.threshold ?? record.scenes[0]?.threshold)],
  ]
  const shown = metrics ? facts : facts.slice(-1)
  const tested = test?.metrics ? `<p>On test cubes that the training did not see: average precision ${figures(test.metrics.averagePrecision)}, AUC ${figures(test.metrics.auc)}, precision ${figures(test.metrics.precision)}, recall ${figures(test.metrics.recall)}.</p>` : ''
  const without = metrics ? '<p class="soft">Measured on the training cubes against their masks.</p>' : '<p class="soft">Without a mask, nothing can be said about quality.</p>'
  return `<section class="facts"><dl>${shown.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>${without}${tested}</section>`
}

function data({ trained: { record } }: ReportContent): string {
  const rowsOf = (kind: string, { data: cubes, masks }: Pick<typeof record, 'data' | 'masks'>): string[][] => [
    ...cubes.map(({ path, variable, shape, sha256 }) => [kind, named(path, variable), shape.map(String).join(' × '), `<code>${sha256}</code>`]),
    ...masks.map(({ path, variable, sha256 }) => [`mask, ${kind}`, named(path, variable), '', `<code>${sha256}</code>`]),
  ]
  const rows = [...rowsOf('training', record), ...(record.validation ? rowsOf('validation', record.validation) : []), ...(record.test ? rowsOf('test', record.test) : [])]
  return table(['Use', 'File', 'Lines × samples × bands', 'SHA-256'], rows)
}

function named(path: string, variable: string | null): string {
  return escaped(variable === null ? path : `${path}#${variable}`)
}

function parameters({ trained: { pipeline } }: ReportContent): string {
  const rows = pipeline.nodes.map(({ name, type, parameters: values }) => [
    `<b>${escaped(name)}</b>`, `<span class="one-line">${escaped(type.description.type)}</span>`,
    escaped(Object.entries(values).filter(([, value]) => value !== null).map(([key, value]) => `${key} ${shown(value)}`).join(', ')),
  ])
  return table(['Node', 'Type', 'Parameters'], rows)
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

async function bands({ selectedBands, spectrum, trained: { record } }: ReportContent): Promise<string> {
  const chosen = [...new Set(Object.values(selectedBands).flat())].sort((a, b) => a - b)
  if (!spectrum && chosen.length === 0) return ''
  const unit = record.wavelengthUnit ?? ''
  const rows = Object.entries(selectedBands).map(([node, list]) => [`<b>${escaped(node)}</b>`, escaped(list.map((band) => (record.wavelengths ? `${band} (${figures(record.wavelengths[band])} ${unit})` : String(band))).join(', '))])
  const picture = spectrum ? figure(await spectrumChart(spectrum, chosen), `Mean spectrum of ${spectrum.of}, one standard deviation dashed${chosen.length > 0 ? '; the chosen bands are marked' : ''}.`) : ''
  return section(chosen.length > 0 ? 'Bands chosen' : 'Spectrum', `${rows.length > 0 ? table(['Node', 'Bands, counted from 0'], rows) : ''}${picture}`)
}

async function training({ trained: { record } }: ReportContent): Promise<string> {
  const { epochs, epochsPlanned, checkpoints, statistical, stopped } = record
  const statistics = statistical.nodes.length > 0 ? `<p>Statistics of ${escaped(statistical.nodes.join(', '))} from ${whole(statistical.pixels)} pixels.</p>` : ''
  if (epochs.length === 0) return section('Training', `${statistics}<p>No gradient phase.</p>`)
  const names = Object.keys(epochs[0].metrics).filter((name) => epochs.some(({ metrics }) => Number.isFinite(metrics[name]))).slice(0, MOST_CURVES)
  const charts = [figure(await lossChart(epochs), 'Loss by epoch.'), ...(names.length > 0 ? [figure(await epochChart(epochs, names, 'metric'), 'Metrics of the validation by epoch.')] : [])]
  const kept = checkpoints ? ` The epoch that became the pipeline is ${checkpoints.restored}, chosen by ${escaped(checkpoints.monitor)}.` : ''
  const last = epochs[epochs.length - 1]
  return section('Training', `${statistics}<p>${epochs.length} of ${epochsPlanned} epochs${stopped ? ', stopped by the user' : ''}; loss ${figures(epochs[0].loss)} to ${figures(last.loss)}; learning rate ${figures(epochs[0].learningRate)} to ${figures(last.learningRate)}.${kept}</p><div class="pair">${charts.join('')}</div>`)
}

async function scene(found: SceneContent): Promise<string> {
  const { name, shape, flagged, threshold, overlay, scorePicture, scoreLimits: [low, high] } = found
  const curves = await curveCharts(found)
  const pixels = shape[0] * shape[1]
  const said = threshold === null ? 'The pipeline has no decider, so nothing is flagged.' : `${whole(flagged)} of ${whole(pixels)} pixels are flagged at threshold ${figures(threshold)}.`
  const image = (bytes: Uint8Array, words: string): string => `<img alt="${escaped(words)}" src="data:image/png;base64,${Buffer.from(bytes).toString('base64')}">`
  const charts = [
    figure(image(overlay, `${name} with what is flagged`), 'The scene; what is flagged is outlined in pink.'),
    figure(image(scorePicture, `Scores of ${name}`), `Scores from ${figures(low)} (dark, the median) to ${figures(high)} (bright, the 99.5th percentile).`),
    figure(await histogramChart(found), 'Scores, counted on a logarithmic axis; the last bar holds all beyond.'),
    ...(curves ? [figure(curves.roc, `ROC, AUC ${figures(found.metrics?.auc)}.`), figure(curves.precisionRecall, `Precision and recall, average precision ${figures(found.metrics?.averagePrecision)}.`)] : []),
  ]
  return section(`Scores of ${name}`, `<p>${said}</p><div class="pair">${charts.join('')}</div>`)
}

function confusion(metrics: DetectionMetrics | null): string {
  if (!metrics) return ''
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = metrics.confusion
  return section('Decisions against the mask', table(['', 'Flagged', 'Not flagged'], [
    ['<b>Anomalous</b>', `${whole(truePositives)} found`, `${whole(falseNegatives)} missed`],
    ['<b>Normal</b>', `${whole(falsePositives)} false alarms`, `${whole(trueNegatives)} left alone`],
  ]))
}

function provenance({ trained: { record } }: ReportContent): string {
  const rows: [string, string][] = [
    ['Cuvette', record.cuvette], ['Created', record.created], ['Seed', String(record.seed)], ['Device', `${record.device}: ${record.deviceReason}`],
    ...Object.entries(record.versions),
    ...(record.from ? [['Started from', `${record.from.path}: ${record.from.taken.join(', ')}`] as [string, string]] : []),
    ...(record.exports ?? []).map((check): [string, string] => [`Exported as ${check.to}`, `largest difference ${check.maxDifference.toExponential(1)}, allowed ${check.tolerance.toExponential(1)}, ${check.created}`]),
  ]
  const files = Object.entries(record.files).map(([name, { bytes, sha256 }]) => [escaped(name), whole(bytes), `<code>${sha256}</code>`])
  return table([], rows.map(([name, value]) => [`<b>${escaped(name)}</b>`, escaped(value)])) + table(['File', 'Bytes', 'SHA-256'], files)
}

function dateOf(created: string): string {
  return created.slice(0, 16).replace('T', ' ')
}

const STYLE = `
:root{color-scheme:light;font:13px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;color:#262b31;background:#fff}
body{max-width:980px;margin:0 auto;padding:28px 24px 48px}
header{border-bottom:2px solid #262b31;margin-bottom:18px}
h1{font-size:24px;line-height:1.2;margin:0 0 4px}
header p{margin:0 0 10px;color:#5d6773;overflow-wrap:anywhere}
h2{font-size:15px;margin:26px 0 8px;padding-bottom:3px;border-bottom:1px solid #d9dee4}
p{margin:6px 0}.soft{color:#5d6773}
dl{display:flex;flex-wrap:wrap;gap:10px 28px;margin:0}dl div{min-width:74px}
dt{color:#5d6773;font-size:11px}dd{margin:0;font-size:20px;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:12px}
th,td{text-align:left;vertical-align:top;padding:4px 10px 4px 0;border-bottom:1px solid #e7ebef;overflow-wrap:anywhere}
td:first-child,.one-line{white-space:nowrap}th{color:#5d6773;font-weight:600}code{font:10.5px/1.5 ui-monospace,"Liberation Mono",monospace}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px 22px}
figure{margin:0;break-inside:avoid}figure svg{width:100%;height:auto;display:block}
figure img{width:100%;max-height:420px;object-fit:contain;object-position:left;image-rendering:pixelated;display:block}
figcaption{color:#5d6773;font-size:11.5px;margin-top:3px}
.wide svg{width:100%;height:auto;display:block;margin:6px 0 10px}
ul{margin:6px 0;padding-left:18px}
@page{size:A4;margin:14mm}
@media print{body{max-width:none;padding:0}section{break-inside:auto}h2{break-after:avoid}tr,dl{break-inside:avoid}}
@media (max-width:640px){.pair{grid-template-columns:1fr}}
`
