/** Counts of decisions against a mask. */
export interface Confusion {
  truePositives: number
  falsePositives: number
  trueNegatives: number
  falseNegatives: number
}

/** Quality of scores and decisions against a mask. null where it is not defined (AUC with one class only). */
export interface DetectionMetrics {
  auc: number | null
  averagePrecision: number | null
  precision: number
  recall: number
  f1: number
  iou: number
  threshold: number
  confusion: Confusion
}
