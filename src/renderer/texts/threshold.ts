/** The Threshold panel. */
export const THRESHOLD = {
  scores: 'Scores',
  export: 'Export',
  run: 'Run',
  othersScores: (cube: string) => `These are the scores of ${cube}.`,
  showCube: 'Show it',
  logCounts: 'Log counts',
  logScores: 'Log scores',
  normal: 'Normal',
  anomalous: 'Anomalous',
  scoreAxis: (logarithmic: boolean) => (logarithmic ? 'Score (log)' : 'Score'),
  noScore: 'No pixel has a finite score.',
  threshold: 'Threshold',
  value: 'Threshold value',
  valueText: (threshold: string, flagged: number) => `${threshold}, ${flagged} pixels flagged`,
  reset: 'Reset threshold',
  resetHint: 'Back to the rule of the pipeline',
  wrong: 'Type a number, for example 2.5.',
  presets: 'Threshold presets',
  quantileField: 'Share of the scores below the threshold, in percent',
  quantileWrong: 'Type a percentage from 0 to 100, for example 99.5.',
  reading: 'Reading the scores…',
  again: 'Try again',
  nothing: 'No scores yet',
  nothingRunning: 'The scores appear when the run is finished.',
  nothingInRun: 'This run has no scores. Resume it, or choose another run.',
  nothingNext: 'Train a pipeline first; then its scores are thresholded here, on the picture.',
}

export const PRESETS = {
  rule: { label: 'Rule of the pipeline', hint: 'What the decider of the pipeline computes from the scores', none: 'This pipeline states no rule.' },
  bestF1: { label: 'Best F1', hint: 'The threshold with the largest F1 against the mask' },
  bestIou: { label: 'Best IoU', hint: 'The threshold with the largest IoU against the mask. It is that of the largest F1, because IoU = F1 / (2 − F1).' },
  otsu: { label: 'Otsu', hint: 'Splits the scores into the two groups that differ most', none: 'All scores are equal.' },
  largestNormal: {
    label: 'Largest normal score',
    hint: 'Just above every score that the mask calls normal',
    onlyNormal: 'Just above every score that the mask calls normal; as it marks nothing anomalous, nothing is flagged on this cube',
    none: 'The mask leaves no normal pixel that has a score.',
  },
  quantile: { label: 'Quantile', hint: 'This share of the scores lies below the threshold' },
}

/** Each said of one parameter of a decider. */
const HANDLES: Record<string, string> = {
  quantile: 'Quantile',
  image_threshold: 'Image threshold',
  top_k_fraction: 'Share for the image score',
  threshold: 'Probability',
}

export const DECIDER = {
  title: 'Decider of the pipeline',
  handle: (parameter: string) => HANDLES[parameter] ?? parameter,
  valueOf: (label: string) => `${label} as a number`,
  held: (threshold: string) => `The pipeline holds the threshold ${threshold} instead of a rule.`,
  none: 'This pipeline has no decider, so it gives out scores only; the threshold counts in exports of pictures and numbers.',
  noRule: (type: string) => `A decider of type ${type} has no handles here.`,
  several: 'The decider judges several scores of a pixel, of which the largest is shown here: only a number can be written into it.',
  closed: 'The image score is below the image threshold: nothing is flagged.',
  use: 'Use in pipeline',
  using: 'Writing…',
  asIs: 'The pipeline decides as the picture shows.',
  writes: (changes: string) => `Writes ${changes} into the trained pipeline of this run. It can be undone.`,
  number: (name: string, value: string) => `${name} ${value}`,
  unfinished: 'The training of this run was not finished, and a changed pipeline could not be trained on. Resume it first.',
}

export const QUALITY = {
  title: 'Against the mask',
  atThreshold: 'Quality at this threshold',
  precision: 'Precision',
  recall: 'Recall',
  averagePrecision: 'Average precision',
  confusion: 'Confusion counts',
  flagged: 'Flagged',
  notFlagged: 'Not flagged',
  truePositives: 'True positives',
  falsePositives: 'False positives',
  trueNegatives: 'True negatives',
  falseNegatives: 'False negatives',
}

export const CURVES = {
  choice: 'Curve',
  roc: 'ROC',
  precisionRecall: 'Precision–recall',
  precisionRecallShort: 'PR',
  overlap: 'F1 and IoU',
  overlapShort: 'F1 · IoU',
  falsePositiveRate: 'False positive rate',
  score: 'Score',
  onRoc: 'Working point on the ROC curve',
  onPrecisionRecall: 'Working point on the precision–recall curve',
  onOverlap: 'Threshold under F1 and IoU',
  rocText: (rate: string, recall: string) => `False positive rate ${rate}, recall ${recall}`,
  precisionRecallText: (recall: string, precision: string) => `Recall ${recall}, precision ${precision}`,
  overlapText: (threshold: string, f1: string, iou: string) => `Threshold ${threshold}: F1 ${f1}, IoU ${iou}`,
}
